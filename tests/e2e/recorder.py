"""Record the calls between Metacontroller and the hooks during stories, and write them as fixtures.

The recorder is a small reverse proxy: Metacontroller calls it instead of the hooks, and it calls the hooks. They run in
replay mode, because a story has its own time (`recording.py`).
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from controlplane.api import KINDS, RANGES, REQUESTS, Api, object_path
from controlplane.processes import NotInTime, wait_until
from controlplane.team import Team
from tests.e2e.recording import Recording
from tests.e2e.stories import DELETED, Ref, first_step, perform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.api import Obj
    from tests.e2e.recording import Call
    from tests.e2e.stories import Step, Story

FOLDER = Path(__file__).parents[1] / "fixtures" / "recorded"
#: A step has ended after this time without a call; Metacontroller's shortest resync comes after 10 s.
QUIET_SECONDS = 2.0
STEP_SECONDS_MAX = 90.0


class Recorder:
    """The proxy; between stories it forwards calls without recording them."""

    def __init__(self, hooks_url: str) -> None:
        self._hooks = hooks_url.removeprefix("http://")
        self._recording = Recording("", self._send)
        self._last_call = time.monotonic()
        self._open_calls = 0
        self._lock = threading.Lock()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            """Forwards each call to the recorder."""

            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = recorder.forward(self.path, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
                """Logs nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="recorder", daemon=True)

    @property
    def url(self) -> str:
        """The URL that Metacontroller must call."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def listening(self) -> Iterator[Recorder]:
        """Serves during a `with` block."""
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def forward(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Makes a call for Metacontroller."""
        with self._lock:
            self._open_calls += 1
            recording = self._recording
        try:
            return recording.call(path, body)
        finally:
            with self._lock:
                self._open_calls -= 1
                self._last_call = time.monotonic()

    def record(self, story: Story, api: Api) -> list[Call]:
        """Performs a story and returns its calls; its objects are deleted afterwards."""
        self._recording = recording = Recording(story.name, self._send)
        stage = RealStage(api)
        for step in [first_step(story), *story.steps]:
            recording.begin(step, _next_second())
            perform(step, story.name, stage)
            self._wait_for_end(step, story.name, stage)
        self._recording = Recording("", self._send)
        team = Team(api, story.name)
        for resource in (REQUESTS, RANGES):
            team.delete_all(resource)
        return recording.distinct()

    def _wait_for_end(self, step: Step, namespace: str, stage: RealStage) -> None:
        what = f"{namespace}: {step.fact}: {dict(step.states)}"
        try:
            wait_until(lambda: stage.is_done(step, namespace) and self._is_quiet(), what=what, seconds=STEP_SECONDS_MAX)
        except NotInTime as late:
            states = {ref: stage.words_of(namespace, ref) for ref in step.states}
            raise NotInTime(f"{late}; the states are {states}") from late

    def _is_quiet(self) -> bool:
        with self._lock:
            return self._open_calls == 0 and time.monotonic() - self._last_call > QUIET_SECONDS

    def _send(self, path: str, body: bytes, now: str) -> tuple[int, bytes]:
        connection = HTTPConnection(self._hooks, timeout=30)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json", "Ipam-Now": now})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


class RealStage:
    """A control plane as the place of a story."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def create(self, obj: Obj) -> object:
        """Creates an object."""
        return self._api.create(obj)

    def delete(self, namespace: str, ref: Ref) -> None:
        """Deletes an object, which may still wait for its finalizers."""
        self._api.ask_patiently("DELETE", object_path(KINDS[ref[0]], namespace, ref[1]))

    def set_finalizers(self, namespace: str, name: str, finalizers: list[str]) -> None:
        """Replaces the finalizers of a request."""
        Team(self._api, namespace).set_finalizers(name, finalizers)

    def is_done(self, step: Step, namespace: str) -> bool:
        """Whether all objects are in the states of the step."""
        return all(state in self.words_of(namespace, ref) for ref, state in step.states.items())

    def words_of(self, namespace: str, ref: Ref) -> set[str]:
        """The words that describe an object."""
        return words_for(self._api.find(KINDS[ref[0]], namespace, ref[1]))


def words_for(obj: Obj | None) -> set[str]:
    """The state of an object and the reasons of its conditions, or that it is deleted."""
    if obj is None:
        return {DELETED}
    status = obj.get("status", {})
    return {status.get("state", ""), *(condition["reason"] for condition in status.get("conditions", ()))}


def write_fixture(story: Story, calls: list[Call], folder: Path = FOLDER) -> None:
    """Writes the calls of a story as cases, in their order."""
    numbers: Counter[tuple[str, str]] = Counter()
    cases = []
    for call in calls:
        endpoint = call.path.strip("/").replace("/", " ")
        numbers[call.fact, endpoint] += 1
        cases.append(
            {
                "description": f"{call.fact}: {endpoint} {numbers[call.fact, endpoint]}",
                "path": call.path,
                "now": call.now,
                "request": call.request,
                "expect": {"status": call.status, "body": call.answer},
            }
        )
    folder.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    (folder / f"{story.name}.json").write_text(f"[\n{lines}\n]\n")


def _next_second() -> datetime:
    """Waits for the next full second, so that each timestamp belongs to one step."""
    time.sleep(1 - time.time() % 1)
    return datetime.now(UTC).replace(microsecond=0)
