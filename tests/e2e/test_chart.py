"""The Helm chart installs what the kustomizations install, object by object, and objects that the API server knows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from controlplane.binaries import find_or_build_tool
from controlplane.charts import HelmFailed, comparable, helm, objects_in, render
from tests.e2e.documented import blocks

if TYPE_CHECKING:
    from controlplane.api import Api, Obj
    from controlplane.plane import ControlPlane

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/ipam"
CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
#: The kustomization that docs/security.md shows.
OWN = "own"
METALLB = "services.enabled=true services.annotation=metallb.io/loadBalancerIPs"
#: Values of the chart, and the kustomizations and files that install the same.
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "defaults": ("", ("metacontroller",)),
    "admission": ("admission.mode=v1", ("metacontroller", "deploy/admission")),
    "admission-v1beta1": ("admission.mode=v1beta1", ("metacontroller", "deploy/admission-v1beta1")),
    "monitoring": ("monitoring.enabled=true", ("metacontroller", "deploy/monitoring")),
    "alerts": ("monitoring.alerts=true", ("metacontroller", "deploy/monitoring/alerts.yaml")),
    "pod monitors": ("monitoring.podMonitors=true", ("metacontroller", "deploy/monitoring/pod-monitors.yaml")),
    "cluster-api": ("clusterAPI.enabled=true", ("metacontroller", "deploy/cluster-api")),
    "cluster-api-v1beta1": (
        "clusterAPI.enabled=true clusterAPI.version=v1beta1",
        ("metacontroller", "deploy/cluster-api-v1beta1"),
    ),
    "metallb": (METALLB, ("metacontroller", "deploy/services/metallb")),
    "kube-vip": (
        "services.enabled=true services.annotation=kube-vip.io/loadbalancerIPs",
        ("metacontroller", "deploy/services/kube-vip"),
    ),
    "cilium": (
        "services.enabled=true services.annotation=lbipam.cilium.io/ips",
        ("metacontroller", "deploy/services/cilium"),
    ),
    "tls": ("tls.mode=secret tls.caBundle=CA", ("deploy/tls",)),
    "cert-manager": ("tls.mode=certManager tls.caBundle=CA", ("deploy/tls", "deploy/tls/cert-manager.yaml")),
    "tls for all": (
        f"tls.mode=secret tls.caBundle=CA clusterAPI.enabled=true {METALLB}",
        (OWN,),
    ),
}
#: Objects of kinds that the API server of the tests does not serve.
FOREIGN = ("alerts", "pod monitors", "cert-manager")
#: Optional folders that are no value of the chart, and why.
LEFT_OUT = {
    "k9s": "it is a part of k9s' configuration",
    "argo-cd": "it is a part of Argo CD's configuration",
    "metacontroller": "the chart does not install Metacontroller, because teams share one",
    "shards": "each shard is a kustomization of its own, copied from an example",
}

pytestmark = pytest.mark.usefixtures("control_plane")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parts of a checkout that are rendered, with the certificate of a CA."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("crds", "metacontroller", "deploy"):
        shutil.copytree(ROOT / name, root / name)
    own = root / OWN
    own.mkdir()
    (own / "ipam").symlink_to(root)
    (own / "kustomization.yaml").write_text(shown_kustomization())
    for folder in ("deploy/tls", OWN):
        (root / folder / "ca.crt").write_text(CA)
    return root


def shown_kustomization() -> str:
    """The kustomization that docs/security.md shows."""
    text = (ROOT / "docs/security.md").read_text()
    (shown,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return str(shown)


def kustomized(plane: ControlPlane, checkout: Path, parts: tuple[str, ...]) -> list[Obj]:
    paths = [checkout / part for part in parts]
    texts = [plane.kubectl("kustomize", str(path)) if path.is_dir() else path.read_text() for path in paths]
    return [obj for text in texts for obj in objects_in(text)]


def arguments(values: str, checkout: Path) -> list[str]:
    """The arguments of helm that set these values, without the policies that depend on the cluster."""
    found = ["--set", "admission.mode=none"]
    for value in values.split():
        name, _, text = value.partition("=")
        file = f"{name}={checkout / 'deploy/tls/ca.crt'}"
        found += ["--set-file", file] if text == "CA" else ["--set", value]
    return found


@pytest.mark.parametrize("case", CASES)
def test_chart_and_kustomization_have_the_same_objects(control_plane: ControlPlane, checkout: Path, case: str) -> None:
    charted = comparable(objects_in(render(CHART, *arguments(CASES[case][0], checkout))))
    expected = comparable(kustomized(control_plane, checkout, CASES[case][1]))
    assert sorted(charted) == sorted(expected)
    for key, obj in expected.items():
        assert charted[key] == obj, key


def test_every_optional_folder_is_a_value_of_the_chart_or_left_out_for_a_reason() -> None:
    compared = {Path(part).parts[1] for _, parts in CASES.values() for part in parts if part.startswith("deploy/")}
    assert compared.isdisjoint(LEFT_OUT)
    assert {path.name for path in (ROOT / "deploy").iterdir() if path.is_dir()} == compared | set(LEFT_OUT)


@pytest.mark.parametrize("case", CASES)
def test_helm_lint_finds_nothing(checkout: Path, case: str) -> None:
    # v1beta1 is for clusters that do not serve v1; newer ones deprecate it.
    version = ("--kube-version", "1.35.0") if "v1beta1" in CASES[case][0] else ()
    values = arguments(CASES[case][0], checkout)
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART), *version, *values)


def test_a_package_contains_the_manifests_and_renders_the_same(tmp_path: Path) -> None:
    helm("package", str(CHART), "--destination", str(tmp_path))
    (package,) = tmp_path.glob("ipam-*.tgz")
    assert render(package, *arguments("", ROOT)) == render(CHART, *arguments("", ROOT))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("--set", "replica=3"), "replica"),
        (("--set", "tls.mode=on"), "tls"),
        (("--set", "tls.mode=secret"), "tls.mode=secret needs tls.caBundle: --set-file tls.caBundle=ca.crt"),
        (("--set", "tls.mode=secret", "--set", "tls.caBundle=ca.crt"), "caBundle"),
        (("--set", "image.digest=sha256:1"), "digest"),
        (("--set", "replicas=0"), "replicas"),
    ],
)
def test_a_wrong_value_is_rejected_by_its_name(values: tuple[str, ...], message: str) -> None:
    with pytest.raises(HelmFailed, match=message):
        render(CHART, *values)


def test_values_reach_the_deployment() -> None:
    values = (
        "image.registry=registry.example.com",
        "image.repository=team/ipam-hooks",
        f"image.digest=sha256:{'0' * 64}",
        "env[0].name=IPAM_WORKERS",
        "env[0].value=4",
        "replicas=3",
        "nodeSelector.disk=ssd",
        "priorityClassName=system-cluster-critical",
        "podAnnotations.a=b",
        "podLabels.c=d",
        "networkPolicy.enabled=false",
        "crds.enabled=false",
    )
    text = render(CHART, "--set-string", "env[0].value=4", *(word for value in values for word in ("--set", value)))
    objects = objects_in(text)
    (deployment,) = [obj for obj in objects if obj["kind"] == "Deployment"]
    template = deployment["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert container["image"] == f"registry.example.com/team/ipam-hooks@sha256:{'0' * 64}"
    assert {"name": "IPAM_WORKERS", "value": "4"}.items() <= container["env"][-1].items() | {("value", "4")}
    assert (deployment["spec"]["replicas"], template["spec"]["nodeSelector"]) == (3, {"disk": "ssd"})
    assert template["spec"]["priorityClassName"] == "system-cluster-critical"
    assert template["metadata"]["annotations"] == {"a": "b"}
    assert template["metadata"]["labels"]["c"] == "d"
    assert {"NetworkPolicy", "CustomResourceDefinition"}.isdisjoint(obj["kind"] for obj in objects)


def test_the_documented_values_for_kube_prometheus_stack_reach_its_account_and_the_labels_that_it_selects() -> None:
    (upgrade,) = blocks("charts/ipam/README.md", "Monitoring")
    values = re.findall(r"--set (\S+)", upgrade)
    objects = objects_in(render(CHART, *(word for value in values for word in ("--set", value))))
    (binding,) = [obj for obj in objects if obj["kind"] == "ClusterRoleBinding" and "subjects" in obj]
    account = {"kind": "ServiceAccount", "name": "kube-prometheus-stack-kube-state-metrics", "namespace": "monitoring"}
    assert binding["subjects"] == [account]
    assert binding["roleRef"]["name"] == "ipam-kube-state-metrics"
    selected = [obj["kind"] for obj in objects if obj["metadata"]["labels"].get("release") == "kube-prometheus-stack"]
    assert sorted(selected) == ["PodMonitor", "PodMonitor", "PrometheusRule"]
    assert all("app.kubernetes.io/name" in obj["metadata"]["labels"] for obj in objects if obj["kind"] in selected)


def test_crds_are_kept_unless_a_value_says_otherwise() -> None:
    def kept(*values: str) -> set[bool]:
        crds = [obj for obj in objects_in(render(CHART, *values)) if obj["kind"] == "CustomResourceDefinition"]
        return {"helm.sh/resource-policy" in crd["metadata"].get("annotations", {}) for crd in crds}

    assert kept() == {True}
    assert kept("--set", "crds.keep=false") == {False}


def test_another_namespace_is_used_everywhere() -> None:
    text = helm("template", "ipam", str(CHART), "--namespace", "network", "--set", "tls.mode=certManager")
    assert "ipam-system" not in text
    assert text.count("ipam-hooks.network:443") == 2


def test_the_api_server_s_schemas_accept_all_objects(api: Api, checkout: Path, tmp_path: Path) -> None:
    write_schemas(api, tmp_path)
    for case in set(CASES) - set(FOREIGN):
        text = render(CHART, *arguments(CASES[case][0], checkout))
        assert kubeconform(tmp_path, text)["summary"] == {
            "valid": len(objects_in(text)),
            "invalid": 0,
            "errors": 0,
            "skipped": 0,
        }
    wrong = render(CHART, *arguments("", ROOT)).replace("maxUnavailable: 1", "maxUnavailabel: 1")
    assert kubeconform(tmp_path, wrong)["summary"]["invalid"] == 1


def kubeconform(schemas: Path, text: str) -> Obj:
    """What kubeconform reports about manifests."""
    location = f"{schemas}/{{{{ .Group }}}}-{{{{ .ResourceAPIVersion }}}}-{{{{ .ResourceKind }}}}.json"
    command = [str(find_or_build_tool("kubeconform")), "-strict", "-summary", "-output", "json"]
    done = subprocess.run(
        [*command, "-schema-location", location, "-"], input=text, capture_output=True, text=True, check=False
    )
    return dict(json.loads(done.stdout))


def write_schemas(api: Api, folder: Path) -> None:
    """Writes the schema of each kind that the API server serves, strict, in one file each."""
    for path in api.ask("GET", "/openapi/v3")["paths"].values():
        document = api.ask("GET", path["serverRelativeURL"])
        schemas = document.get("components", {}).get("schemas", {})
        for schema in schemas.values():
            make_strict(schema)
        for name, schema in schemas.items():
            for kind in schema.get("x-kubernetes-group-version-kind", ()):
                root = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
                group = kind["group"] or kind["version"]  # kubeconform takes the version of core kinds as their group
                file = folder / f"{group}-{kind['version']}-{kind['kind'].lower()}.json"
                file.write_text(json.dumps(root))


def make_strict(schema: Obj) -> None:
    """Lets no field be set that the schema does not have."""
    if "properties" in schema and "x-kubernetes-preserve-unknown-fields" not in schema:
        schema.setdefault("additionalProperties", False)
    for value in schema.get("properties", {}).values():
        make_strict(value)
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            make_strict(schema[name])
