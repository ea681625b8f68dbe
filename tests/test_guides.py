"""The pages of docs/ are complete, and what they say without a cluster is true: imports, YAML, health checks."""

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import lupa
import pytest
import yaml

from hooks.app import create_app
from hooks.settings import Settings
from simulator.cli import main
from simulator.cluster import Cluster
from simulator.metacontroller.webhook import wsgi_caller
from tests.pages import ROOT, blocks, pages, section

Obj = dict[str, Any]
COMING_FROM = ROOT / "docs/coming-from.md"
#: What the other systems export, by the section of the page: the file that its command reads.
EXPORTED: dict[str, tuple[str, str]] = {
    "A spreadsheet": ("addresses.csv", blocks(section(COMING_FROM, "A spreadsheet"), "csv")[0]),
    "NetBox": (
        "netbox.json",
        json.dumps(
            {
                "results": [
                    {"address": "192.0.2.10/24", "dns_name": "Printer-1"},
                    {"address": "192.0.2.11/24", "dns_name": ""},
                ]
            }
        ),
    ),
    "Cluster API in-cluster provider": (
        "ipaddresses.json",
        json.dumps(
            {
                "items": [
                    {
                        "metadata": {"name": f"{pool}-1", "namespace": "default"},
                        "spec": {"address": "192.0.2.10", "prefix": 24, "poolRef": {"name": pool}},
                    }
                    for pool in ("office", "other")
                ]
            }
        ),
    ),
    "metal3": (
        "ipaddresses.json",
        json.dumps(
            {
                "items": [
                    {
                        "metadata": {"name": "office-192-0-2-10", "namespace": "default"},
                        "spec": {
                            "address": "192.0.2.10",
                            "prefix": 24,
                            "claim": {"name": "node-0"},
                            "pool": {"name": "office"},
                        },
                    }
                ]
            }
        ),
    ),
}
IMPORTED: dict[str, dict[str, str]] = {
    "A spreadsheet": {row["name"]: row["address"] for row in csv.DictReader(io.StringIO(EXPORTED["A spreadsheet"][1]))},
    "NetBox": {"printer-1": "192.0.2.10", "ip-192-0-2-11": "192.0.2.11"},
    "Cluster API in-cluster provider": {"office-1": "192.0.2.10"},
    "metal3": {"node-0": "192.0.2.10"},
}


@pytest.mark.skipif(shutil.which("jq") is None, reason="the commands of docs/coming-from.md need jq")
@pytest.mark.parametrize("system", EXPORTED)
def test_what_another_system_has_allocated_is_imported_with_its_addresses(system: str, tmp_path: Path) -> None:
    name, content = EXPORTED[system]
    (tmp_path / name).write_text(content)
    (command,) = blocks(section(COMING_FROM, system), "sh")
    convert = command[command.index("jq ") :]
    subprocess.run(["bash", "-euo", "pipefail", "-c", convert], cwd=tmp_path, check=True, timeout=30)
    cluster = Cluster.shipped(wsgi_caller(create_app(Settings())))

    cluster.apply(yaml.safe_load(range_of_the_page()))
    for request in json.loads((tmp_path / "requests.json").read_text())["items"]:
        cluster.apply(request)
    cluster.run_until_quiet()

    for request, address in IMPORTED[system].items():
        status = cluster.get("ipamrequest", request, "default")["status"]
        assert (status["state"], status["cidr"]) == ("Ready", address if "/" in address else f"{address}/32")


def range_of_the_page() -> str:
    (manifest,) = blocks(COMING_FROM.read_text(), "yaml")
    return manifest


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text()
    linked = {(ROOT / "docs" / target).resolve() for target in re.findall(r"\]\(([^)#:]+)", index)}
    assert {page for page in pages() if "decisions" not in page.parts} - {ROOT / "docs/README.md"} <= linked


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_yaml_in_a_page_is_valid(page: Path) -> None:
    for text in blocks(page.read_text(), "yaml"):
        assert list(yaml.safe_load_all(text))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_commands_in_a_page_are_valid_shell_and_name_files_that_exist(page: Path) -> None:
    for text in blocks(page.read_text(), "sh"):
        subprocess.run(["bash", "-n"], input=text, text=True, check=True, timeout=30)
        named = re.findall(r"(?<=\s)(?:examples|deploy|metacontroller|crds)(?:/[\w./-]+)?(?=\s|$)", text)
        assert all((ROOT / name).exists() or name in CREATED for name in named), named


def test_flux_applies_metacontroller_then_ipam_then_ranges_and_requests() -> None:
    manifests = [
        obj for text in blocks((ROOT / "docs/guides/gitops.md").read_text(), "yaml") for obj in yaml.safe_load_all(text)
    ]
    steps = {obj["spec"]["path"]: obj for obj in manifests if obj.get("kind") == "Kustomization"}
    assert list(steps) == ["./deploy/metacontroller", "./metacontroller", "./addresses"]
    names = [{"name": step["metadata"]["name"]} for step in steps.values()]
    assert [step["spec"].get("dependsOn") for step in steps.values()] == [None, [names[0]], [names[1]]]
    assert all(step["spec"]["wait"] for step in steps.values())


def test_a_command_that_reads_logs_by_a_label_says_how_many_lines() -> None:
    """By default, kubectl shows ten lines of each pod that a selector finds."""
    texts = [page.read_text() for page in (*pages(), ROOT / "README.md", *(ROOT / ".github").rglob("*.yaml"))]
    commands = [line for text in texts for line in re.findall(r"kubectl.* logs .*", text) if " -l " in line]
    assert len(commands) > 4
    assert [command for command in commands if " --tail=" not in command] == []


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl renders the kustomization of docs/limits.md")
def test_a_shard_calls_the_hooks_by_tls_in_the_kustomization_of_the_page(tmp_path: Path) -> None:
    (shown,) = blocks((ROOT / "docs/limits.md").read_text(), "yaml")
    (tmp_path / "kustomization.yaml").write_text(shown)
    (tmp_path / "ca.crt").write_text("a certificate")
    (tmp_path / "ipam").symlink_to(ROOT)
    done = subprocess.run(["kubectl", "kustomize", tmp_path], check=True, capture_output=True, text=True, timeout=60)

    objects = list(yaml.safe_load_all(done.stdout))
    controllers = {obj["metadata"]["name"]: obj["spec"] for obj in objects if "hooks" in obj.get("spec", {})}
    assert controllers.keys() == {"ipamrange", "ipamrequest", "ipamrange-s1", "ipamrequest-s1"}
    for spec in controllers.values():
        services = [hook["webhook"]["service"] for hook in spec["hooks"].values()]
        assert {(service["port"], service["protocol"]) for service in services} == {(443, "https")}
        assert [each["caBundle"] for each in spec["endpointConfigs"]] == [{"inline": "a certificate"}]


#: Commands of the pages that run the cluster in a box.
BOX = sorted({found for page in pages() for found in re.findall(r"python -m simulator ([^`\n]+)", page.read_text())})


@pytest.mark.parametrize("command", BOX)
def test_the_cluster_in_a_box_does_what_a_page_says(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(ROOT / word) if word.startswith("examples/") else word for word in command.split()]
    assert main(arguments, wsgi_caller(create_app(Settings()))) == 0
    assert "\nNAME" in capsys.readouterr().out, "a table"


#: What commands of the pages create first.
CREATED = {"deploy/tls/ca.crt", "deploy/tls/tls.crt", "deploy/tls/tls.key"}


def conditions(*rows: tuple[str, str]) -> Obj:
    made = [{"type": type_, "status": value, "message": "m", "observedGeneration": 2} for type_, value in rows]
    return {"metadata": {"generation": 2}, "status": {"conditions": made}}


@pytest.mark.parametrize(
    ("obj", "health"),
    [
        ({"metadata": {"generation": 1}}, "Progressing"),
        (conditions(("Ready", "True")), "Healthy"),
        (conditions(("Ready", "True")) | {"metadata": {"generation": 3}}, "Progressing"),
        (conditions(("Ready", "False"), ("Reconciling", "True")), "Progressing"),
        (conditions(("Ready", "False"), ("Stalled", "True")), "Degraded"),
    ],
    ids=["no status", "ready", "ready before an edit", "waiting", "invalid"],
)
@pytest.mark.parametrize("kind", ["IPAMRange", "IPAMRequest"])
def test_argo_cd_shows_the_health_that_the_conditions_say(kind: str, obj: Obj, health: str) -> None:
    config = yaml.safe_load((ROOT / "deploy/argo-cd/argocd-cm.yaml").read_text())["data"]
    script = config[f"resource.customizations.health.ipam.mandelsoft.org_{kind}"]
    lua = lupa.LuaRuntime()

    found = lua.execute(f"obj = ...\n{script}", lua.table_from(obj, recursive=True))

    assert found["status"] == health
