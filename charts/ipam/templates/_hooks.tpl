{{/* Set the values of the Deployment. Arguments: the root, the Deployment. */}}
{{- define "ipam.deployment" }}
{{- $values := (index . 0).Values }}
{{- $deployment := index . 1 }}
{{- $template := $deployment.spec.template }}
{{- $pod := $template.spec }}
{{- $container := first $pod.containers }}
{{- $_ := set $deployment.spec "replicas" (int $values.replicas) }}
{{- $_ = set $container "image" (include "ipam.image" (index . 0)) }}
{{- $_ = set $container "resources" $values.resources }}
{{- with $values.image.pullPolicy }}{{ $_ = set $container "imagePullPolicy" . }}{{ end }}
{{- with $values.image.pullSecrets }}{{ $_ = set $pod "imagePullSecrets" . }}{{ end }}
{{- with $values.env }}{{ $_ = set $container "env" (concat (get $container "env" | default list) .) }}{{ end }}
{{- with $values.podLabels }}{{ $_ = set $template.metadata "labels" (merge $template.metadata.labels .) }}{{ end }}
{{- with $values.podAnnotations }}{{ $_ = set $template.metadata "annotations" . }}{{ end }}
{{- range $field := list "nodeSelector" "tolerations" "affinity" "priorityClassName" }}
{{- with get $values $field }}{{ $_ = set $pod $field . }}{{ end }}
{{- end }}
{{- end }}

{{/* What deploy/tls/component changes in the Deployment. */}}
{{- define "ipam.tlsDeployment" }}
{{- $pod := .spec.template.spec }}
{{- $container := first $pod.containers }}
{{- range $container.ports }}
{{- if eq .name "http" }}{{ $_ := set . "name" "https" }}{{ $_ = set . "containerPort" 8443 }}{{ end }}
{{- end }}
{{- range $probe := list $container.readinessProbe $container.livenessProbe }}
{{- if eq ($probe.httpGet.port | toString) "http" }}
{{- $_ := set $probe.httpGet "port" "https" }}
{{- $_ = set $probe.httpGet "scheme" "HTTPS" }}
{{- end }}
{{- end }}
{{- $own := list (dict "name" "IPAM_BIND" "value" "0.0.0.0:8443") (dict "name" "IPAM_TLS_FOLDER" "value" "/etc/ipam/tls") }}
{{- $_ := set $container "env" (concat $own (get $container "env" | default list)) }}
{{- $mount := dict "name" "tls" "mountPath" "/etc/ipam/tls" "readOnly" true }}
{{- $_ = set $container "volumeMounts" (prepend (get $container "volumeMounts" | default list) $mount) }}
{{- $items := list (dict "key" "tls.crt" "path" "tls.crt") (dict "key" "tls.key" "path" "tls.key") }}
{{- $volume := dict "name" "tls" "secret" (dict "secretName" "ipam-hooks-tls" "defaultMode" 288 "items" $items) }}
{{- $_ = set $pod "volumes" (prepend (get $pod "volumes" | default list) $volume) }}
{{- $_ = set $pod.securityContext "fsGroup" 65532 }}
{{- end }}

{{/* What deploy/tls/component changes in the Service. */}}
{{- define "ipam.tlsService" }}
{{- range .spec.ports }}
{{- if eq .name "http" }}
{{- $_ := set . "name" "https" }}
{{- $_ = set . "port" 443 }}
{{- $_ = set . "targetPort" "https" }}
{{- end }}
{{- end }}
{{- end }}
