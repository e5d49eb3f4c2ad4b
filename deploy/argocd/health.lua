-- How Argo CD shows an object that adsync answers in its status. Ready says whether it is as it should be; what is wrong just now (a directory that is
-- away, removals that wait) is told, and breaks nothing: Ready stays True.
local conditions = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    conditions[condition.type] = condition
  end
end

local function said(condition)
  return condition.reason .. ": " .. condition.message
end

local function is(name, status)
  return conditions[name] ~= nil and conditions[name].status == status
end

if obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "is being deleted" }
end
-- -1 until the operator has looked.
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation or conditions.Ready == nil then
  return { status = "Progressing", message = "waits for the operator; if this lasts, does it run, and serve this namespace?" }
end
if is("Stalled", "True") then
  return { status = "Degraded", message = said(conditions.Stalled) }
end
if obj.spec.suspend == true then
  return { status = "Suspended", message = said(conditions.Ready) }
end
if not is("Ready", "True") then
  return { status = "Progressing", message = said(conditions.Ready) }
end
-- In this order: the first that is so is told.
for _, wrong in ipairs({
  { "Connected", "False" },
  { "Synced", "False" },
  { "RemovalsHeld", "True" },
  { "CreationsHeld", "True" },
  { "BlanksHeld", "True" },
}) do
  if is(wrong[1], wrong[2]) then
    return { status = "Healthy", message = wrong[1] .. " is " .. wrong[2] .. ", " .. said(conditions[wrong[1]]) }
  end
end
if is("Reconciling", "True") then
  return { status = "Progressing", message = said(conditions.Reconciling) }
end
return { status = "Healthy", message = said(conditions.Ready) }
