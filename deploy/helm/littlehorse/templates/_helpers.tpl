{{- define "lh.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "lh.selector" -}}
app.kubernetes.io/name: littlehorse
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "lh.labels" -}}
{{ include "lh.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* How the API speaks: what a client must show says what is needed for it. */}}
{{- define "lh.protocol" -}}
{{- if eq .Values.listener.authentication "MTLS" -}}
{{- if not .Values.listener.tlsSecret }}{{ fail "listener.authentication MTLS needs listener.tlsSecret" }}{{ end -}}
MTLS
{{- else if .Values.listener.tlsSecret -}}
TLS
{{- else -}}
PLAIN
{{- end -}}
{{- end -}}

{{/* What of the Secret of Kafka is used. The server refuses what its protocol does not read. */}}
{{- define "lh.login" -}}
{{- if hasPrefix "SASL_" .Values.kafka.securityProtocol }}login{{ end -}}
{{- end -}}

{{- define "lh.truststore" -}}
{{- if and .Values.kafka.truststore (hasSuffix "SSL" .Values.kafka.securityProtocol) }}truststore{{ end -}}
{{- end -}}

{{- define "lh.keystore" -}}
{{- if and .Values.kafka.keystore (eq .Values.kafka.securityProtocol "SSL") }}keystore{{ end -}}
{{- end -}}

{{- define "lh.kafkaSecret" -}}
{{- if or (include "lh.login" .) (include "lh.truststore" .) (include "lh.keystore" .) -}}
{{- required "kafka.securityProtocol needs kafka.secret" .Values.kafka.secret -}}
{{- end -}}
{{- end -}}
