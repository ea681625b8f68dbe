"""Judge the history of a real control plane: every write that etcd stored, by the judge of the simulator.

The checks are in `simulator/judge/each_step.py`; this module only shows the writes to them. etcd does not know who
wrote an object, and when. So every write is judged as one of our controllers, and durations are not judged; what the
hooks were asked, and the labels of namespaces, are not known either. What must hold at rest is in `at_rest.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.judge import each_step
from simulator.judge.facts import Write
from simulator.judge.history import History
from simulator.judge.noting import note

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controlplane.history import Event


@dataclass
class Audit:
    """A history, and what is wrong in it."""

    history: History = field(default_factory=History)
    violations: list[str] = field(default_factory=list)
    #: The number of commits that have changed a ledger.
    commits: int = 0

    @property
    def published(self) -> dict[str, str]:
        """The block that each request was given, by the request's uid."""
        return {uid: request.cidr for uid, request in self.history.requests.items() if request.cidr}

    def see(self, event: Event) -> None:
        """Judge the next write."""
        note(self.history, Write(event.resource, event.obj, is_deletion=event.deleted))
        self.commits += sum(revision.is_changed for revision in self.history.facts.revisions)
        meta = event.obj["metadata"]
        written = f"at etcd revision {event.revision}: {event.resource} {meta['namespace']}/{meta['name']}"
        self.violations += [f"{written}: {text}" for text in each_step.violations(self.history)]


def audit_history(events: Iterable[Event]) -> Audit:
    """The verdict over all these writes, which are in the order of etcd's revisions."""
    audit = Audit()
    for event in events:
        audit.see(event)
    return audit
