"""Fixtures of the end-to-end suite: one control plane for all tests, the loop for those that need it.

Nothing here runs in a plain `pytest tests`: without IPAM_E2E=1 (`make e2e` sets it) no test that needs a control plane
is run, and without METACONTROLLER none that needs the loop; the last lines of the output say so, one line for each.
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
from controlplane.api import ALLOCATIONS, EXTENTS, RANGES, REQUESTS, objects_path
from controlplane.audit import audit_history
from controlplane.binaries import BuildFailed, find_or_build
from controlplane.loop import Loop
from controlplane.plane import ControlPlane
from controlplane.processes import NotInTime
from controlplane.team import Team

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from controlplane.api import Api

ROOT = Path(__file__).parents[2]


#: What a test may need: its fixture, the variable that gives it, and what to say without.
NEEDS = (
    ("recorder", "IPAM_RECORD", "`IPAM_RECORD=1 make e2e METACONTROLLER=/path/to/it` records fixtures anew"),
    ("metacontroller_path", "METACONTROLLER", "`make e2e METACONTROLLER=/path/to/it` runs them on the full loop"),
    ("control_plane", "IPAM_E2E", "`make e2e` runs them on a real control plane"),
)
#: Markers of the tests that need them, by fixture.
MARKERS = {"metacontroller_path": "metacontroller", "control_plane": "cluster"}
_not_run: Counter[str] = Counter()
#: Whether a test came to its end, well or not; it did not if somebody pressed Ctrl-C.
ENDED = pytest.StashKey[bool]()
LOG_CHARS_SHOWN = 2000


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks tests by what they need, and leaves out those that need what is not there."""
    left_out = {item: text for item in items if (text := _mark(item))}
    _not_run.update(left_out.values())
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Builds the control plane before the first test, outside of any test's time limit and with progress shown."""
    if session.config.option.collectonly or not any(item.get_closest_marker("cluster") for item in session.items):
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled():
            find_or_build()
    except (BuildFailed, FileNotFoundError) as why:
        pytest.exit(str(why), returncode=2)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each reason not to run tests."""
    for text, count in _not_run.items():
        terminalreporter.write_line(f"tests/e2e: {count} tests not run: {text}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Notes that a test came to its end, and shows with a failure what the programs said last."""
    report = yield
    item.stash[ENDED] = item.stash.get(ENDED, False) or call.when == "call"
    plane = getattr(item, "funcargs", {}).get("control_plane")
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
    """The control plane of this run; where a test has failed, its history stays for a person to look into."""
    plane = ControlPlane(tmp_path_factory.mktemp("cluster"), find_or_build(), ROOT, tied_to_us=True)
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()
    if not request.session.testsfailed:
        shutil.rmtree(plane.etcd_folder)


@pytest.fixture(scope="session")
def api(control_plane: ControlPlane) -> Api:
    """Its API server."""
    return control_plane.api


@pytest.fixture
def namespace(request: pytest.FixtureRequest, api: Api) -> Iterator[str]:
    """A namespace of this test's own; afterwards the deletion of all that is in it is asked for."""
    name = _namespace_name(request.node.name)
    Team(api, name).create_namespace()
    yield name
    for resource in (REQUESTS, ALLOCATIONS, RANGES, EXTENTS):
        api.ask_patiently("DELETE", objects_path(resource, name))


@pytest.fixture(scope="session")
def metacontroller_path() -> Path:
    """Metacontroller itself; what needs it is not run without."""
    return Path(os.environ["METACONTROLLER"]).resolve()


@pytest.fixture(scope="module")
def loop(control_plane: ControlPlane, metacontroller_path: Path) -> Iterator[Loop]:
    """Hooks and Metacontroller, for all tests of a module."""
    loop = Loop(control_plane, metacontroller_path)
    try:
        loop.start()
        yield loop
    finally:
        loop.stop()


@pytest.fixture
def team(request: pytest.FixtureRequest, loop: Loop) -> Iterator[Team]:
    """A team with a namespace, on a control plane with the loop; its whole history is audited after the test."""
    start = history.current_revision(loop.plane.etcd_url)
    team = Team(loop.plane.api, _namespace_name(request.node.name))
    team.create_namespace()
    yield team
    team.stop_loads()
    if not request.node.stash.get(ENDED, False):
        return  # Ctrl-C: nobody waits for anything any more.
    faults = _faults(loop, team, start)
    if faults:
        for resource in (REQUESTS, RANGES):
            team.start_to_delete_all(resource)
        pytest.fail("\n".join(faults[:20]))
    team.delete_all(REQUESTS)
    team.delete_all(RANGES)


def _faults(loop: Loop, team: Team, start: int) -> list[str]:
    """What is wrong at rest and in the whole history; that a granted request is not in it would be wrong, too."""
    faults = []
    try:
        team.wait_at_rest()
    except NotInTime as late:
        faults = str(late).splitlines()
    audit = audit_history(history.read_history(loop.plane.etcd_url, start))
    unseen = [
        f"the audit did not see the grant of {obj['metadata']['name']}"
        for obj in team.requests("Ready")
        if audit.published.get(obj["metadata"]["uid"]) != obj["status"]["cidr"]
    ]
    return audit.violations + faults + unseen


def _namespace_name(test_name: str) -> str:
    name = re.sub("[^a-z0-9]+", "-", test_name.lower().removeprefix("test_"))
    return name[:40].strip("-") + f"-{crc32(test_name.encode())}"
