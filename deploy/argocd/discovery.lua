-- What Argo CD offers for an object.
local actions = {}
local suspended = obj.spec.suspend == true
actions["sync-now"] = { displayName = "Sync now", iconClass = "fa fa-fw fa-sync", disabled = suspended }
if obj.kind == "SyncScope" then
  actions["suspend"] = { displayName = "Suspend", iconClass = "fa fa-fw fa-pause", disabled = suspended }
  actions["resume"] = { displayName = "Resume", iconClass = "fa fa-fw fa-play", disabled = not suspended }
end
return actions
