{{/* The name of the chart, as a label. */}}
{{- define "adsync.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of the objects: 63 letters, as the DNS allows. */}}
{{- define "adsync.fullname" -}}
{{- $name := include "adsync.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
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
app.kubernetes.io/name: {{ include "adsync.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "adsync.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "adsync.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
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

{{/* Values that would only fail in the cluster, or quietly do something else. */}}
{{- define "adsync.check" -}}
{{- if not (has (toString .Values.replicas) (list "0" "1")) }}
{{- fail (printf "replicas: %v: only one operator may run (or none: 0), since there is no leader election yet" .Values.replicas) }}
{{- end }}
{{- if not (has .Values.logFormat (list "json" "text")) }}
{{- fail (printf "logFormat: %q is neither json nor text" .Values.logFormat) }}
{{- end }}
{{- if not .Values.logLevel }}
{{- fail "logLevel: write error, warn, info, debug or trace" }}
{{- end }}
{{- if or (lt (int .Values.concurrency) 1) (gt (int .Values.concurrency) 65535) }}
{{- fail (printf "concurrency: %v is no number from 1 to 65535" .Values.concurrency) }}
{{- end }}
{{- if not (kindIs "slice" .Values.scope.namespaces) }}
{{- fail (printf "scope.namespaces: %q is no list of namespaces: write [%v]" .Values.scope.namespaces .Values.scope.namespaces) }}
{{- end }}
{{- end }}
