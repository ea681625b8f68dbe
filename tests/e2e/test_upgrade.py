"""An upgrade from the previous version and back, as docs/operating.md says, in the middle of bursts.

The previous version is the last release, or the previous commit before there is one. Its hooks run beside the new ones
behind one Service, so that each call goes to either.
"""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import pytest

from controlplane import history, metacontroller, revisions
from controlplane.api import RANGES, REQUESTS
from controlplane.audit import audit_history
from controlplane.load import create_persistently
from controlplane.objects import range_object
from controlplane.pods import Pods
from controlplane.team import Team

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.plane import ControlPlane

BURST_COUNT = 400
#: The former hooks are stopped when about this many requests have their block.
READY_AT_STOP = 50

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def previous(empty_plane: ControlPlane) -> Path:
    """The installation and the hooks of the previous version."""
    revision = revisions.previous(empty_plane.root)
    if revision is None:
        pytest.skip("the repository has no previous commit: fetch it with its history")
    folder = empty_plane.folder / "previous"
    folder.mkdir()
    revisions.extract(empty_plane.root, revision, folder, "crds", "metacontroller", "hooks", "ipam", "gunicorn.conf.py")
    return folder


@pytest.fixture
def pods(empty_plane: ControlPlane, metacontroller_path: Path, previous: Path) -> Iterator[Pods]:
    """The previous version in operation."""
    metacontroller.install(empty_plane)
    empty_plane.kubectl("apply", "-k", str(previous / "metacontroller"))
    # The rights of Metacontroller are those of the new version from the start.
    empty_plane.kubectl("apply", "-f", str(empty_plane.root / "metacontroller/rbac.yaml"))
    empty_plane.wait_served()
    pods = Pods(empty_plane, metacontroller_path)
    try:
        pods.start(checkout=previous)
        yield pods
    finally:
        pods.stop()


def burst(team: Team, prefix: str, pods: Pods, checkout: Path) -> None:
    """Requests that the hooks of two versions serve together, until those that ran before are stopped."""
    before = len(team.requests("Ready"))
    former = list(pods.hooks)
    pods.start_hooks(checkout=checkout)
    load = team.start_load(BURST_COUNT, prefix=prefix)
    team.wait_ready_count(before + READY_AT_STOP)
    assert len(team.requests("Ready")) < before + BURST_COUNT, "the former hooks were stopped after the burst"
    pods.stop_hooks(*former)
    load.wait_created()
    team.wait_ready_count(before + BURST_COUNT)


def test_an_upgrade_a_rollback_and_an_upgrade_in_bursts_lose_nothing(
    empty_plane: ControlPlane, pods: Pods, previous: Path
) -> None:
    team = Team(empty_plane.api, "team")
    team.create_namespace()
    start = history.current_revision(empty_plane.etcd_url)
    create_persistently(empty_plane.api, range_object(team.namespace, "net", "10.0.0.0/16"), Event())
    burst(team, "before", pods, previous)
    empty_plane.kubectl("apply", "-k", str(empty_plane.root / "metacontroller"))
    burst(team, "upgrade", pods, empty_plane.root)
    burst(team, "rollback", pods, previous)
    burst(team, "again", pods, empty_plane.root)
    team.wait_at_rest()
    assert audit_history(history.read_history(empty_plane.etcd_url, start), team.tampered).violations == []
    team.delete_all(REQUESTS)
    team.delete_all(RANGES)
