{{/* The chart has no copies of the manifests: manifests/ has links to the folders that kustomize uses, and the templates set values
in their objects. */}}

{{/* The objects of a file of manifests/, as JSON: {"objects": [...]}. Arguments: the root, the path. */}}
{{- define "ipam.read" -}}
{{- $root := index . 0 }}
{{- $path := printf "manifests/%s" (index . 1) }}
{{- $text := $root.Files.Get $path | required (printf "the chart is incomplete: it lacks %s" $path) }}
{{- $objects := list }}
{{- range regexSplit "(?m)^---\\s*$" (replace "ipam-system" $root.Release.Namespace $text) -1 }}
{{- $object := fromYaml . }}
{{- with $object.Error }}{{ fail (printf "%s: %s" $path .) }}{{ end }}
{{- if $object }}{{ $objects = append $objects $object }}{{ end }}
{{- end }}
{{- dict "objects" $objects | toJson }}
{{- end }}

{{/* An object as a document, with the labels of the release, and what the values say about its kind. Arguments: the root, the object. */}}
{{- define "ipam.write" }}
{{- $root := index . 0 }}
{{- $object := index . 1 }}
{{- $isCRD := eq $object.kind "CustomResourceDefinition" }}
{{- if and $isCRD $root.Values.crds.keep }}
{{- $annotations := merge (dict "helm.sh/resource-policy" "keep") (get $object.metadata "annotations" | default dict) }}
{{- $_ := set $object.metadata "annotations" $annotations }}
{{- end }}
{{- if and (ne $root.Values.tls.mode "none") (hasPrefix "metacontroller.k8s.io/" $object.apiVersion) }}
{{- include "ipam.tlsController" . }}
{{- end }}
{{- $labels := dict "helm.sh/chart" (printf "ipam-%s" $root.Chart.Version) "app.kubernetes.io/instance" $root.Release.Name }}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $root.Release.Service }}
{{- $_ = set $object.metadata "labels" (merge $labels (get $object.metadata "labels" | default dict)) }}
{{- if or (not $isCRD) $root.Values.crds.enabled }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}

{{/* An object that Prometheus selects by its namespace and its labels. Arguments: the root, the object. */}}
{{- define "ipam.writeForPrometheus" }}
{{- $values := (index . 0).Values.monitoring }}
{{- $metadata := (index . 1).metadata }}
{{- $_ := set $metadata "namespace" $values.namespace }}
{{- $_ = set $metadata "labels" (merge (dict) $values.labels $metadata.labels) }}
{{- include "ipam.write" . }}
{{- end }}

{{/* All objects of a file, unchanged. Arguments: the root, the path. */}}
{{- define "ipam.copy" }}
{{- $root := index . 0 }}
{{- range (include "ipam.read" . | fromJson).objects }}
{{- include "ipam.write" (list $root .) }}
{{- end }}
{{- end }}

{{/* All resources and generated ConfigMaps of a kustomization. Arguments: the root, its folder. */}}
{{- define "ipam.kustomization" }}
{{- $root := index . 0 }}
{{- $folder := index . 1 }}
{{- $kustomization := first (include "ipam.read" (list $root (printf "%s/kustomization.yaml" $folder)) | fromJson).objects }}
{{- range $kustomization.resources }}
{{- include "ipam.copy" (list $root (printf "%s/%s" $folder .)) }}
{{- end }}
{{- range $kustomization.configMapGenerator }}
{{- $metadata := dict "name" .name "namespace" .namespace "labels" (.options.labels | default dict) }}
{{- $data := dict }}
{{- range .files }}
{{- $_ := set $data . ($root.Files.Get (printf "manifests/%s/%s" $folder .)) }}
{{- end }}
{{- include "ipam.write" (list $root (dict "apiVersion" "v1" "kind" "ConfigMap" "metadata" $metadata "data" $data)) }}
{{- end }}
{{- end }}

{{- define "ipam.image" -}}
{{- $image := .Values.image }}
{{- with $image.registry }}{{ . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* The version of MutatingAdmissionPolicy to use, or nothing. */}}
{{- define "ipam.admissionVersion" -}}
{{- if has .Values.admission.mode (list "v1" "v1beta1") }}{{ .Values.admission.mode }}
{{- else if eq .Values.admission.mode "auto" }}
{{- if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" }}v1
{{- else if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy" }}v1beta1
{{- end }}
{{- end }}
{{- end }}

{{/* What deploy/tls changes in a controller. Arguments: the root, the controller. */}}
{{- define "ipam.tlsController" }}
{{- $root := index . 0 }}
{{- $spec := (index . 1).spec }}
{{- range $hook := $spec.hooks }}
{{- $_ := set $hook.webhook.service "port" 443 }}
{{- $_ = set $hook.webhook.service "protocol" "https" }}
{{- end }}
{{- $host := printf "ipam-hooks.%s:443" $root.Release.Namespace }}
{{- $endpoint := dict "host" $host "caBundle" (dict "inline" (include "ipam.caBundle" $root)) }}
{{- $_ := set $spec "endpointConfigs" (list $endpoint) }}
{{- end }}

{{/* The CA that Metacontroller trusts: the value, or what cert-manager has written. Until it is known, Metacontroller trusts none. */}}
{{- define "ipam.caBundle" -}}
{{- if .Values.tls.caBundle }}{{ .Values.tls.caBundle }}
{{- else if eq .Values.tls.mode "certManager" }}
{{- with lookup "v1" "Secret" .Release.Namespace "ipam-hooks-tls" }}{{ get .data "ca.crt" | b64dec }}{{ end }}
{{- else }}{{ fail "tls.mode=secret needs tls.caBundle: --set-file tls.caBundle=ca.crt" }}
{{- end }}
{{- end }}
