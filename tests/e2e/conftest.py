"""Fixtures of the end-to-end suite: one control plane for all tests, and the loop for the tests that need it.

A plain `pytest tests` does not run these tests: those that need a control plane need IPAM_E2E=1 (`make e2e` sets it),
and those that need the loop need METACONTROLLER. The last lines of the output report the tests that were not run.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

from controlplane import history
from controlplane.api import EXTENTS, RANGES, REQUESTS, SLICES, Refused
from controlplane.audit import audit_history
from controlplane.binaries import BuildFailed, find_or_build
from controlplane.loop import Loop
from controlplane.plane import ControlPlane
from controlplane.processes import NotInTime
from controlplane.team import Team
from tests.e2e.policy_users import owner_of, tenant_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from controlplane.api import Api, Obj

ROOT = Path(__file__).parents[2]


#: The needs of tests: a fixture, the variable that provides it, and the text for tests that lack it.
NEEDS = (
    ("recorder", "IPAM_RECORD", "`IPAM_RECORD=1 make e2e METACONTROLLER=/path/to/it` records the fixtures again"),
    ("metacontroller_path", "METACONTROLLER", "`make e2e METACONTROLLER=/path/to/it` runs them on the full loop"),
    ("clean_root", "IPAM_IMAGE", "`make image` runs them as root, with debootstrap"),
    ("control_plane", "IPAM_E2E", "`make e2e` runs them on a real control plane"),
    ("empty_plane", "IPAM_E2E", "`make e2e` runs them on a real control plane"),
)
#: Markers of the tests that need them, by fixture.
MARKERS = {"metacontroller_path": "metacontroller", "control_plane": "cluster", "empty_plane": "cluster"}
_not_run: Counter[str] = Counter()
#: Whether a test has finished, with success or not; it has not after Ctrl-C.
ENDED = pytest.StashKey[bool]()
LOG_CHARS_SHOWN = 2000


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks tests by their needs, and deselects those whose needs are not provided."""
    left_out = {item: text for item in items if (text := _mark(item))}
    _not_run.update(left_out.values())
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Builds the control plane before the first test, with visible progress and without the time limit of a test."""
    if session.config.option.collectonly or not any(item.get_closest_marker("cluster") for item in session.items):
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled():
            find_or_build()
    except (BuildFailed, FileNotFoundError) as why:
        pytest.exit(str(why), returncode=2)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints a line for each need that was not provided."""
    for text, count in _not_run.items():
        terminalreporter.write_line(f"tests/e2e: {count} tests not run: {text}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Records that a test has finished, and adds the ends of the programs' logs to a failure."""
    report = yield
    item.stash[ENDED] = item.stash.get(ENDED, False) or call.when == "call"
    given = getattr(item, "funcargs", {})
    plane = given.get("control_plane") or given.get("empty_plane")
    if report.failed and plane is not None:
        for log in sorted(plane.folder.glob("*.log")):
            report.sections.append((log.name, log.read_text(errors="replace")[-LOG_CHARS_SHOWN:]))
    return report


def _mark(item: pytest.Item) -> str:
    missing = ""
    for fixture, variable, text in NEEDS:
        if fixture in getattr(item, "fixturenames", ()):
            if marker := MARKERS.get(fixture):
                item.add_marker(marker)
            missing = missing if os.environ.get(variable) else text
    return missing


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The control plane of this run; after a failure its history is kept for analysis."""
    plane = ControlPlane(tmp_path_factory.mktemp("cluster"), find_or_build(), ROOT, tied_to_us=True)
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()
    if not request.session.testsfailed:
        shutil.rmtree(plane.etcd_folder)


@pytest.fixture
def empty_plane(tmp_path: Path) -> Iterator[ControlPlane]:
    """A control plane of a test of its own, on which nothing is installed."""
    plane = ControlPlane(tmp_path / "cluster", find_or_build(), ROOT, tied_to_us=True)
    try:
        plane.start_empty()
        yield plane
    finally:
        plane.stop()


@pytest.fixture(scope="session")
def api(control_plane: ControlPlane) -> Api:
    """The API server of the control plane."""
    return control_plane.api


@pytest.fixture
def namespace(request: pytest.FixtureRequest, api: Api) -> Iterator[str]:
    """A namespace for this test; its objects are deleted afterwards."""
    name = _namespace_name(request.node.name)
    Team(api, name).create_namespace()
    yield name
    for resource in (REQUESTS, SLICES, RANGES, EXTENTS):
        for obj in api.list(resource, name):
            _delete(api, resource, obj)


def _delete(api: Api, resource: str, obj: Obj) -> None:
    """Deletes an object, which the garbage collector may have deleted meanwhile."""
    try:
        api.delete(resource, obj["metadata"]["namespace"], obj["metadata"]["name"])
    except Refused as refusal:
        if refusal.status != 404:
            raise


@pytest.fixture(scope="session")
def metacontroller_path() -> Path:
    """The Metacontroller binary; tests that need it are not run without it."""
    return Path(os.environ["METACONTROLLER"]).resolve()


@pytest.fixture(scope="module")
def loop(control_plane: ControlPlane, metacontroller_path: Path) -> Iterator[Loop]:
    """Hooks and Metacontroller for all tests of a module."""
    loop = Loop(control_plane, metacontroller_path)
    try:
        loop.start()
        yield loop
    finally:
        loop.stop()


@pytest.fixture
def team(request: pytest.FixtureRequest, loop: Loop) -> Iterator[Team]:
    """A team with a namespace, on a control plane with the loop; the whole history is audited after the test."""
    start = history.current_revision(loop.plane.etcd_url)
    team = Team(loop.plane.api, _namespace_name(request.node.name))
    team.create_namespace()
    yield team
    team.stop_loads()
    if not request.node.stash.get(ENDED, False):
        return  # after Ctrl-C nothing is audited
    faults = _faults(loop, team, start)
    if faults:
        for resource in (REQUESTS, RANGES):
            team.start_to_delete_all(resource)
        pytest.fail("\n".join(faults[:20]))
    team.delete_all(REQUESTS)
    team.delete_all(RANGES)


def _faults(loop: Loop, team: Team, start: int) -> list[str]:
    """The violations at rest and in the whole history, and granted requests that the history does not have."""
    faults = []
    try:
        team.wait_at_rest()
    except NotInTime as late:
        faults = str(late).splitlines()
    audit = audit_history(history.read_history(loop.plane.etcd_url, start), team.tampered)
    unseen = [
        f"the history does not have the grant of {obj['metadata']['name']}"
        for obj in team.requests("Ready")
        if audit.published.get(obj["metadata"]["uid"]) != obj["status"]["cidr"]
    ]
    return audit.violations + faults + unseen


def _namespace_name(test_name: str) -> str:
    name = re.sub("[^a-z0-9]+", "-", test_name.lower().removeprefix("test_"))
    return name[:40].strip("-") + f"-{crc32(test_name.encode())}"


@pytest.fixture
def tenant(api: Api, namespace: str) -> Api:
    """A user that may edit requests in the namespace; the policies are in effect."""
    return tenant_of(api, namespace)


@pytest.fixture
def owner(api: Api, namespace: str, tenant: Api) -> Api:
    """A user that may do everything in the namespace."""
    del tenant
    return owner_of(api, namespace)
