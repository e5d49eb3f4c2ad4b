{{/* The name of the chart, as a label. */}}
{{- define "adsync.name" -}}
{{- default .Chart.Name .Values.nameOverride | toString | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of the objects: 63 letters, as the DNS allows. */}}
{{- define "adsync.fullname" -}}
{{- $name := include "adsync.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | toString | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/*
The name of what belongs to no namespace, and of what is in somebody else's: two releases of one name may be in two namespaces. No name has a
colon, so no two of these are equal.
*/}}
{{- define "adsync.clusterName" -}}
{{- $name := include "adsync.fullname" . }}
{{- if eq $name .Release.Namespace }}
{{- $name }}
{{- else }}
{{- printf "%s:%s" $name .Release.Namespace }}
{{- end }}
{{- end }}

{{/*
The name of a further object of one kind that belongs to no namespace: (list CONTEXT PART). Dots, which are in none of the other names, and which
also the kinds take that refuse a colon.
*/}}
{{- define "adsync.partName" -}}
{{- include "adsync.clusterName" (index . 0) | replace ":" "." }}.{{ index . 1 }}
{{- end }}

{{/* Nothing where a kubeconfig leads to another cluster. */}}
{{- define "adsync.servesThisCluster" -}}
{{- if not .Values.agent.kubeconfigSecret }}yes{{ end }}
{{- end }}

{{/* Nothing where one operator serves without asking. */}}
{{- define "adsync.elects" -}}
{{- if or .Values.leaderElection.enabled .Values.agent.name }}yes{{ end }}
{{- end }}

{{/* The Lease of this release. Agents' are known by their names, also to others: none can be called as that of a release without an agent. */}}
{{- define "adsync.lease" -}}
{{- $fullname := include "adsync.fullname" . }}
{{- if .Values.agent.name }}{{ printf "adsync-%s" .Values.agent.name }}
{{- else if eq $fullname "adsync" }}adsync
{{- else }}{{ printf "leader-%s" $fullname | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "adsync.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "adsync.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name: name the service account that you made, or let the chart make one (serviceAccount.create)" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* What the operator's pod is found by. Never changes: a Deployment's selector can't. */}}
{{- define "adsync.selectorLabels" -}}
app.kubernetes.io/name: {{ include "adsync.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "adsync.labels" -}}
{{- include "adsync.labelsAnd" (list . dict) }}
{{- end }}

{{/* The labels of an object that has more of them, which go before commonLabels: (list CONTEXT LABELS). */}}
{{- define "adsync.labelsAnd" -}}
{{- $context := index . 0 }}
{{- with $context -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "adsync.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{- with merge (dict) (index . 1 | default dict) ($context.Values.commonLabels | default dict) }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "adsync.image" -}}
{{- $repository := required "image.repository: say where the operator's image is" .Values.image.repository }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Values that would only fail in the cluster, or quietly do something else, and that values.schema.json can't tell. */}}
{{- define "adsync.check" -}}
{{- if and (gt (int .Values.replicas) 1) (not (include "adsync.elects" .)) }}
{{- fail (printf "replicas: %v: set leaderElection.enabled=true, so that one of them serves" .Values.replicas) }}
{{- end }}
{{- if not .Values.logLevel }}
{{- fail "logLevel: write error, warn, info, debug or trace" }}
{{- end }}
{{- include "adsync.checkNames" . }}
{{- range $value, $labels := dict "commonLabels" .Values.commonLabels "podLabels" .Values.podLabels
  "metrics.serviceMonitor.labels" .Values.metrics.serviceMonitor.labels "metrics.podMonitor.labels" .Values.metrics.podMonitor.labels
  "metrics.prometheusRule.labels" .Values.metrics.prometheusRule.labels }}
{{- range list "helm.sh/chart" "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" }}
{{- if hasKey ($labels | default dict) . }}
{{- fail (printf "%s: the chart sets the label %s itself; nameOverride and the release's name change what it says" $value .) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Names that the API server would refuse, or that YAML would take for something else. */}}
{{- define "adsync.checkNames" -}}
{{- $label := "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$" (include "adsync.fullname" .)) }}
{{- fail (printf "fullnameOverride: %q can't be the name of a Service: write small letters, digits and -, a letter first" (include "adsync.fullname" .)) }}
{{- end }}
{{- if not (regexMatch $label .Release.Namespace) }}
{{- fail (printf "--namespace: %q is no name of a namespace" .Release.Namespace) }}
{{- end }}
{{- range $value, $namespaces := dict "scope.namespaces" .Values.scope.namespaces "rbac.secretNamespaces" .Values.rbac.secretNamespaces }}
{{- range $namespaces }}
{{- if not (regexMatch $label .) }}
{{- fail (printf "%s: %q is no name of a namespace" $value .) }}
{{- end }}
{{- end }}
{{- if ne (uniq $namespaces | len) (len $namespaces) }}
{{- fail (printf "%s: write each of %s once" $value (join ", " $namespaces)) }}
{{- end }}
{{- end }}
{{- if and .Values.scope.namespaces .Values.rbac.secretNamespaces }}
{{- fail "rbac.secretNamespaces: with scope.namespaces Secrets are read in those namespaces only: leave it out" }}
{{- end }}
{{- end }}
