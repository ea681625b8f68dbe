"""The commands of "Backup and restore" in docs/operating.md, exactly as they are written there, and Velero's way.

The cluster that is lost has ranges that overlap, a range that has grown, and requests by index, so no order in which
its objects are created is the order of its history.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from controlplane.api import EXTENTS, KINDS, RANGES, REQUESTS, SLICES, Refused, collection_path
from controlplane.objects import HOLD, RECORDED, request_object
from controlplane.processes import wait_until
from controlplane.team import Team
from tests.e2e.documented import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.api import Obj
    from controlplane.loop import Loop

#: How long a test waits for an event that must not happen.
PATIENCE_SECONDS = 5.0
#: The metadata that Velero restores; it resets the status.
VELERO_KEEPS = ("namespace", "name", "labels", "annotations", "finalizers", "ownerReferences")


class Operator:
    """A person that copies commands from the documentation to a shell."""

    def __init__(self, loop: Loop, folder: Path) -> None:
        text = (loop.plane.root / "docs" / "operating.md").read_text()
        section = text.partition("\n## Backup and restore\n")[2].partition("\n## ")[0]
        steps = re.findall(r"^   ```sh\n(.*?)^   ```$", section, re.DOTALL | re.MULTILINE)
        self.save, self.hold, self.apply, verify = steps
        self.verify, _, self.end_hold = verify.rstrip().rpartition("\n")
        self.save_edits, self.restore_edits = blocks("docs/operating.md", "Edited delegated ranges")
        self._folder, self._kubeconfig = folder, loop.plane.kubeconfig

    def run(self, command: str) -> str:
        """The output of a command."""
        environment = os.environ | {"KUBECONFIG": str(self._kubeconfig), "HOME": str(self._folder)}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self._folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def operator(loop: Loop, tmp_path: Path) -> Operator:
    """The commands of the documentation, with which the whole cluster is saved: no other objects may exist."""
    for resource in (REQUESTS, RANGES):
        wait_until(lambda resource=resource: not loop.plane.api.list(resource), what="no objects", seconds=60)  # type: ignore[misc]
    return Operator(loop, tmp_path)


@pytest.fixture
def guest(team: Team) -> Iterator[Team]:
    """A second team with requests for a range of the first one."""
    guest = Team(team.api, f"{team.namespace[:50]}-guest")
    guest.create_namespace()
    yield guest
    guest.delete_all(REQUESTS)


def test_case_overlap_restore_the_documented_commands_give_each_request_its_block_back(
    team: Team, guest: Team, operator: Operator
) -> None:
    before = _history(team, guest)
    operator.run(operator.save)
    _lose_everything(team, guest)
    operator.run(operator.hold)
    operator.run(operator.apply)
    _strangers_wait(team)
    wait_until(lambda: not operator.run(operator.verify), what="the verification lists nothing", seconds=120)
    assert _blocks(team, guest) == before
    operator.run(operator.end_hold)
    _all_are_served(team, guest, before)
    assert not operator.run(operator.verify)


def test_case_overlap_restore_velero_gives_each_request_its_block_back(
    team: Team, guest: Team, operator: Operator
) -> None:
    before = _history(team, guest)
    operator.run(operator.save)
    resources = sorted(KINDS.values())
    backup = [obj for resource in resources for obj in team.api.list(resource)]
    _lose_everything(team, guest, kept="grown")
    for obj in backup:
        _restore_as_velero(team, obj)
    _strangers_wait(team)
    wait_until(lambda: not operator.run(operator.verify), what="the verification lists nothing", seconds=120)
    assert _blocks(team, guest) == before
    operator.run(operator.end_hold)
    _all_are_served(team, guest, before)
    uids = {obj["metadata"]["uid"] for obj in team.api.list(RANGES)}
    for resource in (SLICES, EXTENTS):
        wait_until(
            lambda resource=resource: _owners(team, resource) <= uids,  # type: ignore[misc]
            what="the objects of the former life are removed",
            seconds=60,
        )


def test_what_was_edited_in_a_delegated_range_is_restored_before_its_requests_are_served(
    team: Team, guest: Team, operator: Operator
) -> None:
    """Neither the gateway nor an excluded address is allocated after the hold; tests/test_backup.py has more fields."""
    team.create_range("sites", "10.72.0.0/24", chunkSize=28)
    team.create_request("site", "sites", delegate={"name": "made", "cooldownSeconds": 60})
    wait_until(lambda: "made" in _range_names(team), what="the range is created", seconds=60)
    edits = {"network": {"gateway": "10.72.0.0"}, "excludes": ["10.72.0.1"], "allowedNamespaces": {"from": "All"}}
    team.api.patch(RANGES, team.namespace, "made", {"spec": edits | {"cooldownSeconds": None}})
    guest.create_request("app", ipam={"name": "made", "namespace": team.namespace}, request="10.72.0.2")
    before = guest.wait_state("app", "Ready")["status"]
    assert before["network"] == edits["network"]
    wait_until(lambda: all(map(_is_recorded, _requests(team, guest))), what="all blocks are recorded", seconds=60)
    operator.run(operator.save)
    operator.run(operator.save_edits)
    _lose_everything(team, guest)
    operator.run(operator.hold)
    operator.run(operator.restore_edits)
    spec = team.range("made")["spec"]
    assert {field: spec.get(field) for field in (*edits, "cooldownSeconds")} == edits | {"cooldownSeconds": None}
    operator.run(operator.apply)
    wait_until(lambda: not operator.run(operator.verify), what="the verification lists nothing", seconds=120)
    after = guest.request("app")["status"]
    assert (after["cidr"], after["network"]) == (before["cidr"], before["network"])
    operator.run(operator.end_hold)
    assert all(HOLD not in obj["metadata"].get("annotations", {}) for obj in (*team.requests(), *guest.requests()))
    team.create_request("thief", "made", request="10.72.0.0")
    assert "gateway" in team.wait_state("thief", "Invalid")["status"]["message"]


def _history(team: Team, guest: Team) -> dict[str, str]:
    """Ranges whose requests depend on the order of events; the blocks by "namespace/name" of their requests."""
    domain = team.namespace
    team.create_range("zz-old", "10.70.0.0/29", domain=domain)
    _wait_announced(team, "zz-old")
    team.create_request("db", "zz-old")
    team.wait_state("db", "Ready")
    team.create_range("aa-new", "10.70.0.0/28", domain=domain, allowedNamespaces={"from": "All"})
    _wait_announced(team, "aa-new")
    team.create_request("web", "aa-new")
    guest.create_request("app", ipam={"name": "aa-new", "namespace": team.namespace})
    _delegate(team, domain)
    team.create_range("grown", "10.71.1.0/28", domain=domain, chunkSize=28)
    team.create_request("first", "grown", request="0/28")
    for name in ("web", "first"):
        team.wait_state(name, "Ready")
    guest.wait_state("app", "Ready")
    team.api.patch(RANGES, team.namespace, "grown", {"spec": {"ranges": ["10.71.1.0/28", "10.71.0.0/28"]}})
    team.create_request("second", "grown")
    team.create_request("third", "zz-old", request="5/32")
    for name in ("second", "third"):
        team.wait_state(name, "Ready")
    wait_until(lambda: all(map(_is_recorded, _requests(team, guest))), what="all blocks are recorded", seconds=60)
    blocks = _blocks(team, guest)
    assert sorted(blocks.values()) == [
        "10.70.0.0/32",
        "10.70.0.5/32",
        "10.70.0.8/32",
        "10.70.0.9/32",
        "10.71.0.0/28",
        "10.71.1.0/28",
        "10.72.0.0/28",
        "10.72.0.1/32",
    ]
    return blocks


def _delegate(team: Team, domain: str) -> None:
    """A range that was made from a block, of which a request has another address than the first one."""
    team.create_range("sites", "10.72.0.0/28", domain=domain, chunkSize=28)
    team.create_request("site", "sites", delegate={"name": "made"})
    for name in ("early", "late"):
        team.create_request(name, "made")
        team.wait_state(name, "Ready")
    team.delete_request("early")
    team.wait_deleted(REQUESTS, "early")


def _lose_everything(team: Team, guest: Team, kept: str = "") -> None:
    """Deletes all ranges but one, and all requests but those of this range."""
    for each in (team, guest):
        for obj in each.requests():
            if obj["spec"]["ipam"]["name"] != kept:
                each.delete_request(obj["metadata"]["name"])
    for obj in team.api.list(RANGES):
        if obj["metadata"]["name"] != kept and not _is_delegated(obj):
            team.delete_range(obj["metadata"]["name"])
    wait_until(lambda: _range_names(team) <= {kept}, what="the ranges are deleted", seconds=60)
    wait_until(lambda: _announcing(team) <= {kept}, what="their extents are deleted", seconds=60)


def _is_delegated(obj: Obj) -> bool:
    """Whether an object is a range that ends with its request."""
    return "delegatedFrom" in obj["spec"]


def _range_names(team: Team) -> set[str]:
    return {obj["metadata"]["name"] for obj in team.api.list(RANGES)}


def _announcing(team: Team) -> set[str]:
    return {obj["spec"]["range"] for resource in (EXTENTS, SLICES) for obj in team.api.list(resource)}


def _restore_as_velero(team: Team, obj: Obj) -> None:
    """Creates an object without status and uid, with its finalizers and its former owners, unless it exists."""
    if obj["metadata"].get("labels", {}).get("velero.io/exclude-from-backup") == "true":
        return
    metadata = {key: obj["metadata"][key] for key in VELERO_KEEPS if key in obj["metadata"]}
    if obj["kind"] in {"IPAMRange", "IPAMRequest"}:  # by a resource modifier
        metadata["annotations"] = metadata.get("annotations", {}) | {HOLD: "true"}
    plain = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata, "spec": obj["spec"]}
    try:
        team.api.ask("POST", collection_path(plain), plain)
    except Refused as refusal:
        if refusal.status != 409:
            raise


def _strangers_wait(team: Team) -> None:
    """Other requests ask for the blocks of those that are restored, while the ranges are on hold."""
    for name, range_name, spec in (("thief", "aa-new", {"request": "10.70.0.0"}), ("any", "grown", {})):
        team.api.create(request_object(team.namespace, name, range_name, **spec))
    time.sleep(PATIENCE_SECONDS)
    for name in ("thief", "any"):
        assert team.request(name)["status"]["state"] != "Ready"


def _all_are_served(team: Team, guest: Team, before: dict[str, str]) -> None:
    wait_until(lambda: all("OnHold" not in _conditions(obj) for obj in team.api.list(RANGES)), what="end", seconds=60)
    team.wait_state("thief", "Busy")
    team.wait_at_rest()
    assert {name: _blocks(team, guest).get(name) for name in before} == before
    for name in ("thief", "any"):
        team.delete_request(name)
        team.wait_deleted(REQUESTS, name)


def _conditions(obj: Obj) -> set[str]:
    return {each["type"] for each in obj["status"]["conditions"]}


def _wait_announced(team: Team, range_name: str) -> None:
    def is_announced() -> bool:
        specs = [obj["spec"] for obj in team.api.list(EXTENTS, team.namespace)]
        return any(spec["range"] == range_name and "number" in spec for spec in specs)

    wait_until(is_announced, what=f"{range_name} is announced", seconds=30)


def _requests(*teams: Team) -> list[Obj]:
    return [obj for each in teams for obj in each.requests("Ready")]


def _blocks(*teams: Team) -> dict[str, str]:
    return {
        f"{obj['metadata']['namespace']}/{obj['metadata']['name']}": obj["status"]["cidr"] for obj in _requests(*teams)
    }


def _is_recorded(request: Obj) -> bool:
    return bool(request["metadata"].get("annotations", {}).get(RECORDED) == request["status"]["cidr"])


def _owners(team: Team, resource: str) -> set[str]:
    return {owner["uid"] for obj in team.api.list(resource) for owner in obj["metadata"].get("ownerReferences", ())}
