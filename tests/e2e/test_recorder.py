"""Record the hook calls of all stories as fixtures: `IPAM_RECORD=1 make e2e METACONTROLLER=/path`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controlplane.loop import Loop
from tests.e2e.recorder import Recorder, write_fixture
from tests.e2e.recording import UUID
from tests.e2e.stories import Story, stories

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.plane import ControlPlane

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def recorder(control_plane: ControlPlane, metacontroller_path: Path) -> Iterator[Recorder]:
    """The recorder, which Metacontroller calls instead of the hooks, and which gives the hooks the time."""
    loop = Loop(control_plane, metacontroller_path, IPAM_REPLAY="1")
    with Recorder(loop.hooks_url).listening() as listener:
        loop.called_url = listener.url
        try:
            loop.start()
            yield listener
        finally:
            loop.stop()


@pytest.mark.parametrize("story", stories(), ids=lambda story: story.name)
def test_the_calls_of_a_story_become_fixtures(control_plane: ControlPlane, recorder: Recorder, story: Story) -> None:
    calls = recorder.record(story, control_plane.api)
    assert {call.status for call in calls} == {200}
    assert not [call for call in calls if UUID.search(call.text)]
    write_fixture(story, calls)
