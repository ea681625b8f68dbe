"""The commands of "Backup and restore" in docs/operating.md, for delegated ranges, against two clusters in a box.

Instead of kubectl, a script prints a dump of the cluster, and keeps what would be written, which the test then writes.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hooks.app import create_app
from hooks.settings import Settings
from simulator.cluster import Cluster
from simulator.metacontroller.webhook import wsgi_caller
from tests.e2e.crd_schema import crds, schema_of
from tests.e2e.documented import blocks

Obj = dict[str, Any]
HOLD = "ipam.mandelsoft.org/hold"
GATEWAY, EXCLUDED, HELD = "10.72.0.0", "10.72.0.1", "10.72.0.2"
EDITS: Obj = {
    "network": {"gateway": GATEWAY},
    "excludes": [EXCLUDED],
    "quota": {"addresses": 4},
    "reservations": [{"cidr": "10.72.0.9", "holder": {"kind": "IPAMRequest", "name": "dns"}}],
    "closed": True,
    "allowedNamespaces": {"from": "All"},
    "description": 'with "quotes",\ttabs and \\ of its own',
}
#: The fields of a delegated range that never change.
FIXED = {"ranges", "chunkSize", "mode", "domain", "allocateReservedIPAddresses", "delegatedFrom"}
KUBECTL = """#!/bin/bash
case "$*" in
get*) jq --arg kinds "$2" '.items |= map(select(.kind | ascii_downcase + "s" | IN($kinds | split(",")[])))' dump.json ;;
apply*-f\\ -) cat > applied.json ;;
annotate*-f\\ -*) cat > annotated.json ;;
*patch*) jq -n --arg namespace "$2" --arg name "$5" --argjson patch "$9" '$ARGS.named' >> patched.json ;;
esac
"""

pytestmark = pytest.mark.skipif(shutil.which("jq") is None, reason="the commands of docs/operating.md need jq")


class Operator:
    """A person that copies commands of the page to a shell, to save one cluster and to restore it in another one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cluster = Cluster.shipped(wsgi_caller(create_app(Settings())))
        (folder / "bin").mkdir()
        (folder / "bin/kubectl").write_text(KUBECTL)
        (folder / "bin/kubectl").chmod(0o755)

    def run(self, command: str) -> str:
        """The output of a command in the present cluster."""
        self.cluster.run_until_quiet()
        items = [obj for kind in ("ipamrequests", "ipamranges") for obj in self.cluster.objects(kind)]
        (self.folder / "dump.json").write_text(json.dumps({"items": items}))
        environment = os.environ | {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}
        shell = ["bash", "-euo", "pipefail", "-c", command]
        return subprocess.run(
            shell, cwd=self.folder, env=environment, check=True, capture_output=True, text=True, timeout=60
        ).stdout

    def lose_everything(self) -> None:
        self.cluster = Cluster.shipped(wsgi_caller(create_app(Settings())))

    def apply(self, file: str) -> None:
        for obj in json.loads((self.folder / file).read_text())["items"]:
            self.cluster.apply(obj)
        self.cluster.run_until_quiet()

    def patch_ranges(self) -> None:
        decoder, text = json.JSONDecoder(), (self.folder / "patched.json").read_text().strip()
        while text:
            each, end = decoder.raw_decode(text)
            self.patch("ipamrange", each["name"], each["patch"], each["namespace"])
            text = text[end:].strip()

    def end_hold(self) -> None:
        for obj in json.loads((self.folder / "annotated.json").read_text())["items"]:
            name, patch = obj["metadata"]["name"], {"metadata": {"annotations": {HOLD: None}}}
            self.patch(obj["kind"].lower(), name, patch, obj["metadata"]["namespace"])

    def patch(self, kind: str, name: str, patch: Obj, namespace: str = "default") -> None:
        self.cluster.store.patch(self.cluster.catalog.called(kind)[0], (namespace, name), patch, strict=True)
        self.cluster.run_until_quiet()

    def request(self, name: str, of: str, namespace: str = "default", **spec: Any) -> Obj:
        """The status of a new request."""
        metadata, reference = {"name": name, "namespace": namespace}, {"name": of, "namespace": "default"}
        kind = {"apiVersion": "ipam.mandelsoft.org/v1alpha1", "kind": "IPAMRequest"}
        self.cluster.apply({**kind, "metadata": metadata, "spec": {"ipam": reference, **spec}})
        self.cluster.run_until_quiet()
        return self.status(name, namespace)

    def status(self, name: str, namespace: str = "default") -> Obj:
        return dict(self.cluster.get("ipamrequest", name, namespace)["status"])

    def edits(self, name: str) -> Obj:
        """What can be edited in a delegated range."""
        spec = self.cluster.get("ipamrange", name)["spec"]
        return {field: value for field, value in spec.items() if field in EDITS or field == "cooldownSeconds"}


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    """An operator of a cluster with a delegated range that was edited, and another one below it."""
    operator = Operator(tmp_path)
    kind = {"apiVersion": "ipam.mandelsoft.org/v1alpha1", "kind": "IPAMRange"}
    metadata, spec = {"name": "sites", "namespace": "default"}, {"chunkSize": 28, "ranges": ["10.72.0.0/24"]}
    operator.cluster.apply({**kind, "metadata": metadata, "spec": spec})
    operator.request("site", "sites", delegate={"name": "made", "cooldownSeconds": 60})
    open_ = {field: value for field, value in EDITS.items() if field not in ("closed", "quota")}
    operator.patch("ipamrange", "made", {"spec": open_ | {"cooldownSeconds": None}})
    operator.request("row", "made", size=30, delegate={"name": "nested"})
    operator.patch("ipamrange", "nested", {"spec": {"closed": True}})
    assert operator.request("app", "made", "team", request=HELD)["network"] == {"gateway": GATEWAY}
    operator.patch("ipamrange", "made", {"spec": EDITS})
    return operator


def test_every_field_of_a_range_that_can_be_edited_is_saved() -> None:
    (crd,) = [crd for crd in crds() if crd["spec"]["names"]["kind"] == "IPAMRange"]
    keep, _ = blocks("docs/operating.md", "Edited delegated ranges")
    (saved,) = re.findall(r"\[(\"network\".*?)\]", keep)
    fields = schema_of(crd)["properties"]["spec"]["properties"].keys()
    assert set(json.loads(f"[{saved}]")) == fields - FIXED == EDITS.keys() | {"cooldownSeconds"}


def test_the_edits_of_delegated_ranges_are_restored_before_other_requests_are_served(operator: Operator) -> None:
    save, hold, _, verify = blocks("docs/operating.md", "Backup and restore")
    keep, create = blocks("docs/operating.md", "Edited delegated ranges")
    check, _, end_hold = verify.rstrip().rpartition("\n")
    before = {name: operator.edits(name) for name in ("made", "nested")}
    assert before["made"] == EDITS
    operator.run(save)
    operator.run(keep)
    operator.lose_everything()

    operator.run(hold)
    operator.run(create)
    operator.apply("applied.json")
    operator.patch_ranges()

    assert {name: operator.edits(name) for name in before} == before
    operator.apply("restore.json")
    assert operator.run(check) == ""
    assert operator.status("app", "team")["network"] == {"gateway": GATEWAY}
    operator.run(end_hold)
    operator.end_hold()
    assert {name: operator.edits(name) for name in before} == before
    operator.patch("ipamrange", "made", {"spec": {"closed": None}})
    assert operator.request("thief", "made", request=GATEWAY)["state"] == "Invalid"
    assert operator.request("other", "made", request=EXCLUDED)["state"] == "Invalid"


def test_a_request_that_is_served_after_the_restore_makes_no_range_on_hold(operator: Operator) -> None:
    save, hold, _, verify = blocks("docs/operating.md", "Backup and restore")
    _, _, end_hold = verify.rstrip().rpartition("\n")
    assert operator.request("late", "sites", size=25, delegate={})["state"] == "Ready"
    assert operator.request("later", "sites", size=25, delegate={})["state"] == "Busy"
    operator.run(save)
    operator.lose_everything()
    operator.run(hold)
    operator.apply("restore.json")
    assert operator.status("later")["state"] == "Busy"

    operator.run(end_hold)
    operator.end_hold()
    for name, namespace in (("app", "team"), ("row", "default"), ("site", "default")):
        operator.cluster.delete(operator.cluster.get("ipamrequest", name, namespace))
    operator.cluster.run_until_quiet()

    assert operator.status("later")["state"] == "Ready"
    assert HOLD not in operator.cluster.get("ipamrange", "later")["metadata"]["annotations"]
    assert all(HOLD not in obj["metadata"].get("annotations", {}) for obj in operator.cluster.objects("ipamrequest"))
