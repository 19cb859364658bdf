{{- define "plaudit.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "plaudit.selector" -}}
app.kubernetes.io/name: plaudit
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "plaudit.labels" -}}
{{ include "plaudit.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "plaudit.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "plaudit.fullname" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{- define "plaudit.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* Secret of a role's Kafka user; takes root and role. */ -}}
{{- define "plaudit.kafkaSecret" -}}
{{- $user := get .root.Values.kafka.auth.users .role | default dict -}}
{{ $user.existingSecret | default (printf "%s-kafka-%s" (include "plaudit.fullname" .root) .role) }}
{{- end }}

{{- /* Environment of a process; takes root, role, and whether it uses the database. */ -}}
{{- define "plaudit.env" -}}
{{- $v := .root.Values -}}
- {name: KAFKA_BOOTSTRAP_SERVERS, value: {{ required "kafka.bootstrapServers: give a broker's host:port" $v.kafka.bootstrapServers | quote }}}
- {name: PLAUDIT_TOPIC_PREFIX, value: {{ $v.kafka.topicPrefix | quote }}}
{{- $tls := or $v.kafka.tls.enabled (eq $v.kafka.auth.type "mtls") }}
{{- if eq $v.kafka.auth.type "sasl" }}
{{- $user := get $v.kafka.auth.users .role | default dict }}
{{- $secret := include "plaudit.kafkaSecret" (dict "root" .root "role" .role) }}
- {name: PLAUDIT_KAFKA_SECURITY_PROTOCOL, value: {{ ternary "SASL_SSL" "SASL_PLAINTEXT" $tls }}}
- {name: PLAUDIT_KAFKA_SASL_MECHANISM, value: {{ $v.kafka.auth.mechanism | quote }}}
- {name: PLAUDIT_KAFKA_SASL_USERNAME, value: {{ $user.username | default $secret | quote }}}
- name: PLAUDIT_KAFKA_SASL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ $v.kafka.auth.passwordKey }}}}
{{- else if $tls }}
- {name: PLAUDIT_KAFKA_SECURITY_PROTOCOL, value: SSL}
{{- end }}
{{- if eq $v.kafka.auth.type "mtls" }}
- {name: PLAUDIT_KAFKA_SSL_CERTIFICATE_LOCATION, value: /etc/plaudit/kafka-user/user.crt}
- {name: PLAUDIT_KAFKA_SSL_KEY_LOCATION, value: /etc/plaudit/kafka-user/user.key}
{{- end }}
{{- if $v.kafka.tls.caSecret }}
- {name: PLAUDIT_KAFKA_SSL_CA_LOCATION, value: /etc/plaudit/kafka-ca/{{ $v.kafka.tls.caKey }}}
{{- end }}
{{- range $name, $value := $v.kafka.properties }}
- {name: {{ printf "PLAUDIT_KAFKA_%s" ($name | replace "." "_" | upper) }}, value: {{ $value | toString | quote }}}
{{- end }}
- name: PLAUDIT_SECRET_KEY
  valueFrom: {secretKeyRef: {name: {{ $v.secretKey.existingSecret }}, key: {{ $v.secretKey.key }}}}
{{- if .database }}
- name: PLAUDIT_DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ $v.database.existingSecret }}, key: {{ $v.database.key }}}}
{{- end }}
{{- if and (eq .role "record") $v.jobsRunner.enabled }}
- {name: PLAUDIT_RECORD_JOBS, value: "false"}
{{- end }}
{{- range $name, $value := $v.env }}
- {name: {{ $name }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- with $v.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "plaudit.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if .Values.kafka.tls.caSecret }}
- {name: kafka-ca, mountPath: /etc/plaudit/kafka-ca, readOnly: true}
{{- end }}
{{- if eq .Values.kafka.auth.type "mtls" }}
- {name: kafka-user, mountPath: /etc/plaudit/kafka-user, readOnly: true}
{{- end }}
{{- end }}

{{- define "plaudit.volumes" -}}
- {name: tmp, emptyDir: {sizeLimit: 256Mi}}
{{- if .root.Values.kafka.tls.caSecret }}
- {name: kafka-ca, secret: {secretName: {{ .root.Values.kafka.tls.caSecret }}}}
{{- end }}
{{- if eq .root.Values.kafka.auth.type "mtls" }}
- {name: kafka-user, secret: {secretName: {{ include "plaudit.kafkaSecret" (dict "root" .root "role" .role) }}}}
{{- end }}
{{- end }}

{{- /* Part of every pod; takes the root. */ -}}
{{- define "plaudit.pod" -}}
serviceAccountName: {{ include "plaudit.serviceAccount" . }}
automountServiceAccountToken: false
# A Service called plaudit-kafka would otherwise set PLAUDIT_KAFKA_* variables.
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "plaudit.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* The deployed processes, by component, as JSON. */ -}}
{{- define "plaudit.components" -}}
{{- $v := .Values -}}
{{- $all := dict -}}
{{- range $lane, $values := $v.lanes -}}
{{- $args := list "deliver" "--lane" $lane "--workers" (toString $values.workers) -}}
{{- $_ := set $all (printf "deliver-%s" $lane) (dict "values" $values "role" "deliver" "args" $args "keda" true "internet" true "health" true) -}}
{{- end -}}
{{- $_ := set $all "recorder" (dict "values" $v.recorder "role" "record" "args" (list "record") "database" true "keda" true "health" true) -}}
{{- $_ := set $all "api" (dict "values" $v.api "role" "serve" "args" (list "serve") "database" true "internet" true "health" true) -}}
{{- $_ := set $all "outbox-relay" (dict "values" $v.outboxRelay "role" "relay" "args" (list "outbox" "relay") "outbox" true "health" true) -}}
{{- $_ := set $all "jobs" (dict "values" $v.jobsRunner "role" "dlq" "args" (list "jobs" "run") "database" true "health" true) -}}
{{- $enabled := dict -}}
{{- range $name, $each := $all -}}
{{- if $each.values.enabled }}{{ $_ := set $enabled $name $each }}{{ end -}}
{{- end -}}
{{- toJson $enabled -}}
{{- end }}
