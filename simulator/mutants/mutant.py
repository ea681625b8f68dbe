"""A deliberately broken design, and how it is made of the shipped one.

A mutant changes the CRDs, the policies, or what Metacontroller and the hooks send each other: a body before the hooks
get it, or their answer. So a mutant describes a mistake by its effect on the rest of the world, however the hooks are
written.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.attack.chance import Bias
from simulator.kubernetes.objects import copied
from simulator.mutants import mutations
from simulator.world.faults import NOW_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.kubernetes.objects import Obj
    from simulator.metacontroller.webhook import Caller


@dataclass(frozen=True, slots=True, eq=False)
class Mutant:
    """One wrong design."""

    name: str
    #: The rule or invariant of DESIGN.md, or the decision, that it breaks.
    rule: str
    #: The invariants that detect it, each by itself.
    invariants: tuple[str, ...]
    #: A change of the CustomResourceDefinitions in place; they come by plural name.
    crds: Callable[[dict[str, Obj]], None] | None = None
    #: A change of the admission policies in place; they come by kind and name.
    policies: Callable[[dict[tuple[str, str], Obj]], None] | None = None
    #: A change of hook calls whose path begins with this.
    path: str = "/"
    mutation: mutations.Mutation | None = None
    bias: Bias = field(default_factory=Bias)

    def definitions(self, definitions: list[Obj]) -> list[Obj]:
        """The CRDs of this design."""
        changed = copied(definitions)
        if self.crds:
            self.crds({obj["spec"]["names"]["plural"]: obj for obj in changed if "names" in obj.get("spec", {})})
        return changed

    def controllers(self, controllers: list[Obj]) -> list[Obj]:
        """The controllers and policies of this design."""
        changed = copied(controllers)
        if self.policies:
            self.policies({(obj["kind"], obj["metadata"]["name"]): obj for obj in changed})
        return changed

    def caller(self, caller: Caller, headers: Callable[[], Mapping[str, str]]) -> Caller:
        """The hooks of this design; `headers` are those of each call, which give the time."""
        mutation = self.mutation
        if mutation is None:
            return caller

        def call(path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
            if not path.startswith(self.path) or path.endswith("customize"):
                return caller(path, body)

            def ask(obj: Obj) -> Obj:
                answer = caller(path, json.dumps(obj).encode())
                if answer[0] != 200:
                    raise _NoAnswer(answer)
                result: Obj = json.loads(answer[2])
                return result

            asked = mutations.Ask(ask, lambda: headers()[NOW_HEADER])
            try:
                return 200, {}, json.dumps(mutation(path, json.loads(body), asked)).encode()
            except _NoAnswer as failure:
                return failure.answer

        return call


class _NoAnswer(Exception):
    """The hooks answered with an error, which the mutant returns unchanged."""

    def __init__(self, answer: tuple[int, dict[str, str], bytes]) -> None:
        super().__init__()
        self.answer = answer
