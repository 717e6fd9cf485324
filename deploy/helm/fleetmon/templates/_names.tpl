{{- define "fleetmon.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "fleetmon.selector" -}}
app.kubernetes.io/name: fleetmon
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "fleetmon.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{ include "fleetmon.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* The configuration: what the operator wrote, and over it what follows from this chart. */}}
{{- define "fleetmon.config" -}}
{{- $mqtt := dict -}}
{{- if .Values.secrets.mqttPassword -}}
{{- $mqtt = dict "username_file" "/run/secrets/mqtt/username" "password_file" "/run/secrets/mqtt/password" -}}
{{- end -}}
{{- if .Values.secrets.mqttTls -}}
{{- $tls := dict "ca_file" "/run/secrets/tls/ca.crt" "cert_file" "/run/secrets/tls/tls.crt" "key_file" "/run/secrets/tls/tls.key" -}}
{{- $_ := set $mqtt "tls" $tls -}}
{{- end -}}
{{- $store := dict -}}
{{- if .Values.secrets.storePassword -}}
{{- $_ := set $store "password_file" "/run/secrets/store/password" -}}
{{- end -}}
{{- if not (dig "store" "url" "" .Values.config) -}}
{{- $_ := set $store "url" "sqlite:////var/lib/fleetmon/fleetmon.db" -}}
{{- end -}}
{{- $web := dict "host" "0.0.0.0" "port" 9877 "tokens_file" "/run/secrets/tokens/tokens.yml" -}}
{{- $ours := dict "registry" "/etc/fleetmon/registry/registry.yml" "mqtt" $mqtt "store" $store "web" $web -}}
{{- if .Values.secrets.notices -}}
{{- $routes := list -}}
{{- range .Values.config.notices -}}
{{- $routes = append $routes (merge (dict "url_file" (printf "/run/secrets/notices/%s" .name)) .) -}}
{{- end -}}
{{- $_ := set $ours "notices" $routes -}}
{{- end -}}
{{- if .Values.secrets.planning -}}
{{- $calendars := list -}}
{{- range dig "planning" "calendars" list .Values.config -}}
{{- $address := dict "url_file" (printf "/run/secrets/planning/%s" .name) -}}
{{- $calendars = append $calendars (not (or .url .url_file .file) | ternary (merge $address .) .) -}}
{{- end -}}
{{- $_ := set $ours "planning" (dict "feed_secret_file" "/run/secrets/planning/feed-secret" "calendars" $calendars) -}}
{{- end -}}
{{- mergeOverwrite (deepCopy .Values.config) $ours | toYaml -}}
{{- end -}}
