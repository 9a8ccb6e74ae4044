{{- define "sre-copilot.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "sre-copilot.selector" -}}
app.kubernetes.io/name: sre-copilot
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sre-copilot.labels" -}}
{{ include "sre-copilot.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "sre-copilot.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* What an analysis lists in a namespace: src/adapters/kubernetes/kinds.rs, but Secrets. A test holds the two together. */ -}}
{{- define "sre-copilot.read.namespaced" -}}
- apiGroups: [""]
  resources:
    - pods
    - events
    - services
    - endpoints
    - configmaps
    - serviceaccounts
    - persistentvolumeclaims
    - resourcequotas
    - limitranges
  verbs: [list]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list]
- apiGroups: [apps]
  resources: [replicasets, deployments, statefulsets, daemonsets, controllerrevisions]
  verbs: [list]
- apiGroups: [batch]
  resources: [jobs, cronjobs]
  verbs: [list]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list]
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: [list]
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways, httproutes, grpcroutes]
  verbs: [list]
{{- end }}

{{- define "sre-copilot.read.cluster" -}}
- apiGroups: [""]
  resources: [nodes, namespaces, persistentvolumes]
  verbs: [list]
- apiGroups: [storage.k8s.io]
  resources: [storageclasses, volumeattachments]
  verbs: [list]
- apiGroups: [networking.k8s.io]
  resources: [ingressclasses]
  verbs: [list]
- apiGroups: [scheduling.k8s.io]
  resources: [priorityclasses]
  verbs: [list]
- apiGroups: [admissionregistration.k8s.io]
  resources: [validatingwebhookconfigurations, mutatingwebhookconfigurations]
  verbs: [list]
{{- end }}

{{- /* What the executor reads before it writes, and the eight writes. */ -}}
{{- define "sre-copilot.write" -}}
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [get, patch]
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [patch]
- apiGroups: [apps]
  resources: [replicasets, controllerrevisions]
  verbs: [list]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list]
- apiGroups: [""]
  resources: [pods]
  verbs: [get]
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
{{- end }}
