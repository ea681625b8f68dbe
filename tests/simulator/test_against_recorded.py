"""The simulator is checked: it sends the bodies that were recorded for the same stories on a real control plane.

The tests compare bodies as fixtures have them (`tests/e2e/recording.py`: with the uids and times of the story, without
versions, managed fields and the controller object), of the same steps, with the real hooks in this process.

- In the shortest order nothing lags, and the last body about an object that stays shows the cluster at rest after each
  step. It does not depend on timing, so it must have been recorded. Earlier bodies depend on the order of events; so do
  the last call about a deleted object and the calls of the customize hook, which Metacontroller makes when it first
  needs the answer.
- Each recorded body must be one that the simulator sends too, in some order of events. So the simulator runs with
  caches that lag and with many seeds, until all bodies were sent.
"""

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import pytest

from controlplane.objects import API_VERSION
from hooks.app import create_app
from hooks.settings import Settings
from simulator.cluster import Cluster
from simulator.kubernetes.clock import SimulatedClock
from simulator.kubernetes.objects import Obj, copied
from simulator.metacontroller.webhook import wsgi_caller
from tests.e2e.recorder import words_for
from tests.e2e.recording import START, Call, Recording, text_of
from tests.e2e.stories import DELETED, RANGE, REQUEST, Ref, Step, Story, first_step, perform, stories

FOLDER = Path(__file__).parents[1] / "fixtures" / "recorded"
#: The most seeds that are tried to send every recorded body.
SEEDS_MAX = 100
each_story = pytest.mark.parametrize("story", stories(), ids=lambda story: story.name)


class SimulatedStage:
    """The cluster in a box as the place of a story, with a recording between it and the hooks."""

    def __init__(self, namespace: str, seed: int | None) -> None:
        self.clock = SimulatedClock(START)
        self.recording = Recording(namespace, _send)
        self.cluster = Cluster.shipped(self._call, clock=self.clock, seed=seed)

    def create(self, obj: Obj) -> object:
        """Creates an object."""
        return self.cluster.store.create(copied(obj))

    def delete(self, namespace: str, ref: Ref) -> None:
        """Deletes an object, which may still wait for its finalizers."""
        meta = {"name": ref[1], "namespace": namespace}
        self.cluster.delete({"apiVersion": API_VERSION, "kind": ref[0], "metadata": meta})

    def set_finalizers(self, namespace: str, name: str, finalizers: list[str]) -> None:
        """Replaces the finalizers of a request."""
        request = copied(self.cluster.get("ipreq", name, namespace))
        request["metadata"]["finalizers"] = finalizers
        self.cluster.store.update(request)

    def words_of(self, namespace: str, ref: Ref) -> set[str]:
        """The words that describe an object."""
        found = [obj for obj in self.cluster.objects(ref[0].lower(), namespace) if obj["metadata"]["name"] == ref[1]]
        return words_for(found[0] if found else None)

    def live(self, step: Step, namespace: str) -> list[Call]:
        """Does a step, waits until the cluster is quiet, and returns the calls of the step."""
        self.clock.wait(step.seconds)
        self.recording.begin(step, self.clock.now())
        before = len(self.recording.calls)
        perform(step, namespace, self)
        self.cluster.run_until_quiet(horizon=0)
        for ref, state in step.states.items():
            assert state in self.words_of(namespace, ref), f"{step.fact}: {ref}"
        return self.recording.calls[before:]

    def _call(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        status, answer = self.recording.call(path, body)
        return status, {}, answer


_client = wsgi_caller(create_app(Settings(replay=True)), lambda: {"Ipam-Now": _now[-1]})
_now: list[str] = []


def _send(path: str, body: bytes, now: str) -> tuple[int, bytes]:
    _now[:] = [now]
    status, _, answer = _client(path, body)
    return status, answer


@cache
def recorded(story: str) -> dict[str, str]:
    """The bodies that were recorded, each with the description of its case."""
    cases: list[dict[str, Any]] = json.loads((FOLDER / f"{story}.json").read_text())
    return {text_of(case["path"], case["request"]): case["description"] for case in cases}


def _object_of(call: Call) -> Ref:
    """Kind and name of the object of a call."""
    kind, name = (RANGE if call.path.startswith("/ipamrange/") else REQUEST), call.parent[1]
    return kind, name


def steps_of(story: Story) -> list[Step]:
    return [first_step(story), *story.steps]


def test_every_story_is_recorded_and_nothing_else() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == {story.name for story in stories()}


@each_story
def test_times_and_uids_of_a_recording_are_those_of_its_story(story: Story) -> None:
    cases = json.loads((FOLDER / f"{story.name}.json").read_text())
    moments = [datetime.fromisoformat(case["now"]) for case in cases]
    last = sum(step.seconds for step in story.steps)
    assert all(0 <= (moment - START).total_seconds() <= last for moment in moments)
    assert {case["description"].partition(":")[0] for case in cases} <= {step.fact for step in steps_of(story)}


@each_story
def test_the_last_bodies_of_the_simulator_were_recorded(story: Story) -> None:
    stage = SimulatedStage(story.name, None)
    for step in steps_of(story):
        calls = [call for call in stage.live(step, story.name) if not call.path.endswith("/customize")]
        last = {_object_of(call): call for call in calls}
        at_rest = [call for ref, call in last.items() if DELETED not in stage.words_of(story.name, ref)]
        missing = [call for call in at_rest if call.text not in recorded(story.name)]
        assert [(step.fact, call.path, call.request) for call in missing] == []


@each_story
def test_the_simulator_sends_every_body_that_was_recorded(story: Story) -> None:
    unseen = dict(recorded(story.name))
    for seed in [None, *range(SEEDS_MAX)]:
        stage = SimulatedStage(story.name, seed)
        for step in steps_of(story):
            for call in stage.live(step, story.name):
                unseen.pop(call.text, None)
        if not unseen:
            return
    pytest.fail(f"never sent: {sorted(unseen.values())}")


def test_objects_of_other_namespaces_do_not_change_the_uids_of_a_story() -> None:
    """Calls about the objects of an earlier story may still arrive."""
    sent: list[str] = []

    def send(_path: str, body: bytes, _now: str) -> tuple[int, bytes]:
        sent.append(json.loads(body)["parent"]["metadata"]["uid"])
        return 200, b"{}"

    recording = Recording("team", send)
    recording.begin(Step("a range is created", {}), START)
    for namespace in ("earlier", "team"):
        meta = {"name": "net", "namespace": namespace, "uid": str(uuid5(NAMESPACE_DNS, namespace))}
        recording.call("/ipamrange/sync", json.dumps({"parent": {"kind": "IPAMRange", "metadata": meta}}).encode())
    assert sent == ["uid-net", "uid-net"]
