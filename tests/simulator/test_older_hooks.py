"""Hooks of two versions side by side: older ones, which know no marker of the schema, take every second call."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from simulator.attack.simulation import INVARIANTS, Simulation
from simulator.commands import APP, setting_for
from simulator.judge.lives import Ledger
from simulator.kubernetes.objects import Obj, uid_of
from simulator.kubernetes.versions import MARKER
from simulator.metacontroller.webhook import Caller
from simulator.names import EXTENTS_KEY, REQUESTS_KEY, SLICES_KEY


class Beside(Simulation):
    """A run with both versions until faults end, and whenever everything must come to rest."""

    def __init__(self, seed: int) -> None:
        shipped = setting_for(APP)
        self.has_older = True
        self.proposals = self.commits = 0
        self._ledgers: dict[str, Obj] = {}

        def connect(headers: Callable[[], Mapping[str, str]]) -> Caller:
            call, count = shipped.connect(headers), 0

            def either(path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
                nonlocal count
                count += 1
                return self._older(call, path, body) if self.has_older and count % 2 else call(path, body)

            return either

        judged = tuple(name for name in INVARIANTS if name != "SameAnswer")  # two versions may answer differently
        super().__init__(replace(shipped, connect=connect, invariants=judged), seed)
        self.world.store.listeners.append(lambda resource, event: self._committed(resource.plural, event.obj))

    def _older(self, call: Caller, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """The answer of hooks that neither look for markers nor write them."""
        if path.endswith("customize"):
            return call(path, body)
        seen = json.loads(body)
        code, headers, text = call(path, json.dumps(marked(seen)).encode())
        if code != 200:
            return code, headers, text
        answer = json.loads(text)
        if "parent" in seen:
            self.proposals += answer["status"]["revision"] > seen["parent"]["status"].get("revision", 0)
        for part in (answer.get("status") or {}, *(child["spec"] for child in answer.get("children", ()))):
            part.pop(MARKER, None)
        return 200, headers, json.dumps(answer).encode()

    def _committed(self, plural: str, obj: Obj) -> None:
        """Each ledger that is committed has the marker."""
        ledger = Ledger.of(obj).fields
        if plural == "ipamranges" and self._ledgers.get(uid_of(obj), {}) != ledger:
            assert MARKER in obj["status"]
            self.commits += 1
            self._ledgers[uid_of(obj)] = ledger

    def _heal(self) -> None:
        self.has_older = False
        super()._heal()

    def _settles(self) -> bool:
        self.has_older = False
        settled = super()._settles()
        self.has_older = True
        return settled


def marked(body: Obj) -> Obj:
    """A body in which no marker is missing."""
    parts = [body[name].setdefault("status", {}) for name in ("parent", "object") if name in body]
    for group in (body.get("children", {}), body["related"]):
        parts += [obj["spec"] for key in (SLICES_KEY, EXTENTS_KEY) for obj in group.get(key, {}).values()]
        parts += [obj.setdefault("status", {}) for obj in group.get(REQUESTS_KEY, {}).values()]
    for part in parts:
        part[MARKER] = True
    return body


@pytest.mark.parametrize("first", [0, 20, 60, 70])
def test_no_ledger_of_older_hooks_is_accepted_and_nothing_is_lost_once_they_have_stopped(first: int) -> None:
    runs = [Beside(seed) for seed in range(first, first + 10)]
    outcomes = [run.run() for run in runs]

    assert [outcome.findings for outcome in outcomes if outcome.findings] == []
    assert sum(run.proposals for run in runs) > 5
    assert sum(run.commits for run in runs) > 5
