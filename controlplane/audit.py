"""Judge the history of a real control plane: every write that etcd stored, by the judge of the simulator.

The checks are in `simulator/judge/each_step.py`; this module feeds them the writes. etcd has neither the writer nor the
time of a write. So durations are not checked, and every write is judged like one of our controllers', except for those
that a test reports to be by people. Hook calls and labels of namespaces are not known either. `at_rest.py` judges the
last state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.judge import each_step
from simulator.judge.facts import Write
from simulator.judge.history import History
from simulator.judge.noting import note
from simulator.names import PERSON

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from controlplane.history import Event


@dataclass
class Audit:
    """A history and its violations."""

    #: The revisions of writes that were made by people.
    by_people: Collection[int] = ()
    history: History = field(default_factory=History)
    violations: list[str] = field(default_factory=list)
    #: The number of writes that have changed a ledger.
    commits: int = 0
    #: The block that each request has shown, by the uid of the request, which may be deleted since.
    published: dict[str, str] = field(default_factory=dict)

    def see(self, event: Event) -> None:
        """Judge the next write."""
        writer = PERSON if event.revision in self.by_people else ""
        note(self.history, Write(event.resource, event.obj, is_deletion=event.deleted, writer=writer))
        self.commits += sum(revision.is_changed for revision in self.history.facts.revisions)
        meta = event.obj["metadata"]
        if cidr := event.obj.get("status", {}).get("cidr"):
            self.published[meta["uid"]] = cidr
        written = f"at etcd revision {event.revision}: {event.resource} {meta.get('namespace', '')}/{meta['name']}"
        self.violations += [f"{written}: {text}" for text in each_step.violations(self.history)]


def audit_history(events: Iterable[Event], by_people: Collection[int] = ()) -> Audit:
    """Judges all these writes, which must be in the order of etcd's revisions; people made those of some revisions."""
    audit = Audit(by_people)
    for event in events:
        audit.see(event)
    return audit
