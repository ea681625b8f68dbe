"""Designs that are wrong, each by one rule: every one of them must be found by a checker, or the checkers are blind.

A mutant is a change of the CRDs, or of what goes over the wire between Metacontroller and the hooks: of a body before
the hooks see it, or of their answer. So a mutant says what the rest of the world would see of the mistake, and stays
one however the hooks are written inside.

It names the invariants that must find it, each by itself, and what its runs favour: chance alone would find it too, but
later. Favours are the same for the right design, which must pass the seeds that find the mutant.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator import extent_twists, twists
from simulator.chance import KINDS, Leaning
from simulator.objects import copied

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.hookcall import Caller
    from simulator.objects import Obj


@dataclass(frozen=True, slots=True, eq=False)
class Mutant:
    """One wrong design."""

    name: str
    #: The rule of DESIGN.md, or the decision, that it breaks.
    rule: str
    #: The invariants that find it, each by itself.
    invariants: tuple[str, ...]
    #: Changes the CustomResourceDefinitions in place, by plural name.
    crds: Callable[[dict[str, Obj]], None] | None = None
    #: What calls of hooks become, by the beginning of the path.
    path: str = "/"
    twist: twists.Twist | None = None
    leaning: Leaning = field(default_factory=Leaning)

    def definitions(self, definitions: list[Obj]) -> list[Obj]:
        """The CRDs of this design."""
        changed = copied(definitions)
        if self.crds:
            self.crds({obj["spec"]["names"]["plural"]: obj for obj in changed if "names" in obj.get("spec", {})})
        return changed

    def caller(self, caller: Caller) -> Caller:
        """The hooks of this design."""
        twist = self.twist
        if twist is None:
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

            try:
                return 200, {}, json.dumps(twist(path, json.loads(body), ask)).encode()
            except _NoAnswer as failure:
                return failure.answer

        return call


class _NoAnswer(Exception):
    """The hooks gave an error, which the mutant passes on."""

    def __init__(self, answer: tuple[int, dict[str, str], bytes]) -> None:
        super().__init__()
        self.answer = answer


def _favouring(weights: dict[str, Any], habits: dict[str, Any], **deeds: float) -> Leaning:
    """Deeds are written with underscores."""
    return Leaning(weights, ADMITTED | habits, {name.replace("_", " "): weight for name, weight in deeds.items()})


def _lagging(*kinds: str) -> dict[str, Any]:
    """The caches of some kinds lag, the others hardly do."""
    return {"deliveries": {each: 0.2 if each in kinds else 8.0 for each in KINDS}}


RANGE, REQUEST = "/ipamrange/", "/ipamrequest/"
#: Requests need the fewest calls until they are served.
ADMITTED = {"admits": "label and finalizer"}
ONE_RANGE = {"ranges": ("a/net",)}
TWO_RANGES = {"ranges": ("a/net", "a/lan")}
ONE_NAME = ONE_RANGE | {"requests": ("r1",)}
TWO_NAMES = ONE_RANGE | {"requests": ("r1", "r2")}
#: Nothing fails, nothing lags.
QUIET = {"write_faults": 0.0, "hook_faults": 0.0, "clock_faults": 0.0, "waits": 0.02, "comings": 0.0} | _lagging()

#: Syncs take long, and their own writes come late to the cache of ranges.
SLOW = QUIET | {"goes": 1.5, "deliveries": {each: 1.0 if each == "ipamranges" else 8.0 for each in KINDS}}


def _restarts(*kinds: str) -> dict[str, Any]:
    """Metacontrollers come and go, and begin with old caches of some kinds."""
    return QUIET | {"comings": 0.3, "ages_max": {each: 12 if each in kinds else 0 for each in KINDS}}


MUTANTS: tuple[Mutant, ...] = (
    Mutant("no compare and swap", "S2", ("Monotone", "NoOverlap"), crds=twists.no_cas,
           leaning=_favouring(QUIET | _lagging("ipamranges"), ONE_RANGE)),
    Mutant("compare and swap by the ledger without the revision", "S2", ("Monotone",), crds=twists.cas_by_ledger_alone,
           leaning=_favouring(QUIET | _lagging("ipamranges"), TWO_NAMES, delete_a_request=8)),
    Mutant("no revision in the default status", "S2", ("Calm",), crds=twists.no_default_revision),
    Mutant("what was published may be changed", "S4", ("Stable",), crds=twists.published_may_change,
           leaning=_favouring(QUIET, ONE_RANGE, edit_a_status=3)),
    Mutant("publish the proposal", "S3", ("Committed",), path=RANGE, twist=twists.publish_proposal),
    Mutant("refuse by the proposal", "S3", ("Committed",), path=RANGE, twist=twists.refuse_by_proposal,
           leaning=_favouring(QUIET | _lagging("ipamranges"), ONE_RANGE, a_block_of_its_choice=12,
                              create_a_request=16)),
    Mutant("grant what is held", "S1", ("NoOverlap",), path=RANGE, twist=twists.grant_what_is_held,
           leaning=_favouring(QUIET, ONE_RANGE)),
    Mutant("place everybody anew in each call", "S4", ("Stable", "NoEarlyReuse"), path=RANGE, twist=twists.place_anew,
           leaning=_favouring(QUIET, ONE_RANGE)),
    Mutant("an interval counts as the CIDR around it", "S1", ("InsideRange",), path=RANGE,
           twist=twists.round_intervals),
    Mutant("capacity is counted before the grants", "S1", ("Accounted",), path=RANGE,
           twist=twists.count_before_granting),
    Mutant("release on absence", "S5", ("Proven",), path=RANGE, twist=twists.release_absent,
           leaning=_favouring(QUIET, ONE_RANGE, strip_the_labels_of_a_request=8)),
    Mutant("release what is marked absent", "S5", ("Proven",), path=RANGE, twist=twists.release_by_clock,
           leaning=_favouring(QUIET, ONE_RANGE, strip_the_labels_of_a_request=8)),
    Mutant("the block of an absent holder is lent", "S5", ("NoEarlyReuse",), path=RANGE, twist=twists.lend_absent,
           leaning=_favouring(QUIET, ONE_RANGE, strip_the_labels_of_a_request=8, create_a_request=12)),
    Mutant("another uid of the same name as proof", "S5", ("Proven",), path=RANGE, twist=twists.release_other_uid,
           leaning=_favouring(_restarts("ipamrequests"), ONE_NAME, create_a_request=16, delete_a_request=8)),
    Mutant("foreign finalizers ignored", "S5 a", ("Proven",), path=RANGE, twist=twists.ignore_foreign_finalizers,
           leaning=_favouring(QUIET, ONE_RANGE, keep_a_request_by_a_finalizer=8, delete_a_request=8)),
    Mutant("grant without our finalizer", "S5 a", ("NoLeak",), path=RANGE, twist=twists.grant_without_finalizer,
           leaning=_favouring(QUIET, ONE_RANGE | {"admits": "label"}, delete_a_request=8)),
    Mutant("order from the wire", "S6", ("SameAnswer",), path=RANGE, twist=twists.order_of_the_wire,
           leaning=_favouring(QUIET | {"repeated_calls": 0.8, "deeds": 4.0}, ONE_RANGE, create_a_request=24)),
    Mutant("everybody is allowed", "Allowed", ("Allowed",), path=RANGE, twist=twists.allow_everybody,
           leaning=_favouring(QUIET, ONE_RANGE, some_namespaces_allowed=1, everybody_allowed=0)),
    Mutant("requests that are not allowed hold a range", "Allowed", ("Gone",), path=RANGE, twist=twists.strangers_hold,
           leaning=_favouring(QUIET, ONE_RANGE, some_namespaces_allowed=1, everybody_allowed=0, delete_a_range=2)),
    Mutant("the gateway is handed out", "S1", ("InsideRange",), path=RANGE, twist=twists.hand_out_the_gateway,
           leaning=_favouring(QUIET, ONE_RANGE, network=1)),
    Mutant("nobody is told of the network", "Informed", ("Informed",), path=REQUEST, twist=twists.tell_no_network,
           leaning=_favouring(QUIET, ONE_RANGE, network=1)),
    Mutant("round robin begins anew in each call", "S1", ("InTurn",), path=RANGE, twist=twists.begin_at_the_start,
           leaning=_favouring(QUIET, ONE_RANGE, round_robin=1, create_a_request=16)),
    Mutant("an answer computed from half a body", "S7", ("Live",), path=RANGE, twist=twists.answer_less),
    Mutant("published cidr ignored", "S6", ("Stable",), path=RANGE, twist=twists.ignore_published,
           leaning=_favouring(QUIET, ONE_RANGE, strip_the_finalizers_of_a_range=3, delete_a_range=3, create_a_range=6)),
    Mutant("finalize without closing", "S3", ("Proven",), path=RANGE, twist=twists.finalize_without_closing,
           leaning=_favouring(SLOW, ONE_NAME, create_a_range=8, delete_a_range=4, strip_the_labels_of_a_request=12,
                              delete_a_request=1)),
    Mutant("a stale Ready answer is ended", "decision 1", ("Standing",), path=RANGE, twist=twists.end_stale_answers,
           leaning=_favouring(_restarts("ipamranges"), ONE_RANGE)),
    Mutant("orphans are obeyed", "S1", ("Gone",), path=REQUEST, twist=twists.obey_orphans,
           leaning=_favouring(QUIET, ONE_RANGE, strip_the_owners_of_an_allocation=4)),
    Mutant("of two extents the name says which is older", "decision 9", ("Disjoint",), path=RANGE,
           twist=extent_twists.order_by_name,
           leaning=_favouring(QUIET, TWO_RANGES, create_a_range=2, create_a_request=16,
                              delete_a_range=1, everybody_allowed=1, on_hold=0, a_domain=0)),
    Mutant("of two extents the one that was changed first is older", "decision 9", ("Disjoint",), path=RANGE,
           twist=extent_twists.order_by_last_change,
           leaning=_favouring(QUIET, TWO_RANGES, create_a_range=1, create_a_request=8, keep_an_extent_by_a_finalizer=4,
                              everybody_allowed=1, on_hold=0, a_domain=0)),
    Mutant("grant before the number is written", "decision 9", ("Disjoint",), path=RANGE,
           twist=extent_twists.enter_before_the_number_is_written,
           leaning=_favouring(QUIET | _lagging("ipamextents"), TWO_RANGES, create_a_range=4, create_a_request=8,
                              delete_a_range=1, keep_an_extent_by_a_finalizer=12, everybody_allowed=1, on_hold=0,
                              a_domain=0)),
    Mutant("grant before the own extent is seen", "decision 9", ("Disjoint",), path=RANGE,
           twist=extent_twists.enter_without_a_number,
           leaning=_favouring(QUIET | _lagging("ipamextents"), TWO_RANGES, create_a_range=6, a_domain=0)),
    Mutant("a range that is being deleted hides its extents", "decision 9", ("Disjoint",), path=RANGE,
           twist=extent_twists.hide_when_deleted, leaning=_favouring(QUIET, TWO_RANGES, delete_a_range=3, a_domain=0)),
    Mutant("no second look", "S7", ("Gone",), twist=twists.never_look_again),
    Mutant("a second look at once", "Calm", ("Calm",), path=RANGE, twist=twists.look_again_at_once),
    Mutant("answers in a namespace that is going", "S7", ("Calm",), path=RANGE, twist=twists.ignore_going_namespace,
           leaning=_favouring(QUIET, ONE_RANGE, delete_a_namespace=2)),
    Mutant("let go before the release is committed", "S3", ("Committed",), path=RANGE,
           twist=twists.let_go_before_the_commit, leaning=_favouring(QUIET, ONE_RANGE, delete_a_request=8)),
    Mutant("a release is forgotten while the request seems alive", "decision 5", ("NoLeak",), path=RANGE,
           twist=twists.forget_the_living,
           leaning=_favouring(_restarts("ipamrequests"), ONE_RANGE, delete_a_request=8)),
    Mutant("a request goes when its answer is gone", "decision 1", ("NoLeak",), path=REQUEST,
           twist=twists.go_without_release, leaning=_favouring(QUIET, ONE_RANGE, delete_a_request=8)),
    Mutant("a request goes at once", "S5 a", ("NoLeak",), path=REQUEST, twist=twists.go_at_once,
           leaning=_favouring(QUIET, ONE_RANGE, delete_a_request=8)),
)  # fmt: skip
