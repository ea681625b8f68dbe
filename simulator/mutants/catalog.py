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

from simulator.attack.chance import KINDS, Bias
from simulator.kubernetes.objects import copied
from simulator.mutants import extent_mutations, mutations

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.kubernetes.objects import Obj
    from simulator.metacontroller.webhook import Caller


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
    mutation: mutations.Mutation | None = None
    bias: Bias = field(default_factory=Bias)

    def definitions(self, definitions: list[Obj]) -> list[Obj]:
        """The CRDs of this design."""
        changed = copied(definitions)
        if self.crds:
            self.crds({obj["spec"]["names"]["plural"]: obj for obj in changed if "names" in obj.get("spec", {})})
        return changed

    def caller(self, caller: Caller) -> Caller:
        """The hooks of this design."""
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

            try:
                return 200, {}, json.dumps(mutation(path, json.loads(body), ask)).encode()
            except _NoAnswer as failure:
                return failure.answer

        return call


class _NoAnswer(Exception):
    """The hooks gave an error, which the mutant passes on."""

    def __init__(self, answer: tuple[int, dict[str, str], bytes]) -> None:
        super().__init__()
        self.answer = answer


def _favouring(weights: dict[str, Any], behaviour: dict[str, Any], **actions: float) -> Bias:
    """The weights of actions are written with underscores."""
    return Bias(weights, ADMITTED | behaviour, {name.replace("_", " "): weight for name, weight in actions.items()})


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
QUIET = {"write_faults": 0.0, "hook_faults": 0.0, "clock_faults": 0.0, "waits": 0.02, "restarts": 0.0} | _lagging()

#: Syncs take long, and their own writes come late to the cache of ranges.
SLOW = QUIET | {"advances": 1.5, "deliveries": {each: 1.0 if each == "ipamranges" else 8.0 for each in KINDS}}


def _restarts(*kinds: str) -> dict[str, Any]:
    """Metacontrollers come and go, and begin with old caches of some kinds."""
    return QUIET | {"restarts": 0.3, "ages_max": {each: 12 if each in kinds else 0 for each in KINDS}}


MUTANTS: tuple[Mutant, ...] = (
    Mutant("no compare and swap", "S2", ("Monotone", "NoOverlap"), crds=mutations.no_cas,
           bias=_favouring(QUIET | _lagging("ipamranges"), ONE_RANGE)),
    Mutant("compare and swap by the ledger without the revision", "S2", ("Monotone",),
           crds=mutations.cas_by_ledger_alone,
           bias=_favouring(QUIET | _lagging("ipamranges"), TWO_NAMES, delete_a_request=8)),
    Mutant("no revision in the default status", "S2", ("Calm",), crds=mutations.no_default_revision),
    Mutant("what was published may be changed", "S4", ("Stable",), crds=mutations.published_may_change,
           bias=_favouring(QUIET, ONE_RANGE, edit_a_status=3)),
    Mutant("publish the proposal", "S3", ("Committed",), path=RANGE, mutation=mutations.publish_proposal),
    Mutant("refuse by the proposal", "S3", ("Committed",), path=RANGE, mutation=mutations.refuse_by_proposal,
           bias=_favouring(QUIET | _lagging("ipamranges"), ONE_RANGE, a_block_of_its_choice=12,
                              create_a_request=16)),
    Mutant("grant what is held", "S1", ("NoOverlap",), path=RANGE, mutation=mutations.grant_what_is_held,
           bias=_favouring(QUIET, ONE_RANGE)),
    Mutant("place everybody anew in each call", "S4", ("Stable", "NoEarlyReuse"), path=RANGE,
           mutation=mutations.place_anew,
           bias=_favouring(QUIET, ONE_RANGE)),
    Mutant("an interval counts as the CIDR around it", "S1", ("InsideRange",), path=RANGE,
           mutation=mutations.round_intervals),
    Mutant("capacity is counted before the grants", "S1", ("Accounted",), path=RANGE,
           mutation=mutations.count_before_granting),
    Mutant("release on absence", "S5", ("Proven",), path=RANGE, mutation=mutations.release_absent,
           bias=_favouring(QUIET, ONE_RANGE, strip_the_labels_of_a_request=8)),
    Mutant("release what is marked absent", "S5", ("Proven",), path=RANGE, mutation=mutations.release_by_clock,
           bias=_favouring(QUIET, ONE_RANGE, strip_the_labels_of_a_request=8)),
    Mutant("the block of an absent holder is lent", "S5", ("NoEarlyReuse",), path=RANGE, mutation=mutations.lend_absent,
           bias=_favouring(QUIET, ONE_RANGE, strip_the_labels_of_a_request=8, create_a_request=12)),
    Mutant("another uid of the same name as proof", "S5", ("Proven",), path=RANGE, mutation=mutations.release_other_uid,
           bias=_favouring(_restarts("ipamrequests"), ONE_NAME, create_a_request=16, delete_a_request=8)),
    Mutant("foreign finalizers ignored", "S5 a", ("Proven",), path=RANGE, mutation=mutations.ignore_foreign_finalizers,
           bias=_favouring(QUIET, ONE_RANGE, keep_a_request_by_a_finalizer=8, delete_a_request=8)),
    Mutant("grant without our finalizer", "S5 a", ("NoLeak",), path=RANGE, mutation=mutations.grant_without_finalizer,
           bias=_favouring(QUIET, ONE_RANGE | {"admits": "label"}, delete_a_request=8)),
    Mutant("order from the wire", "S6", ("SameAnswer",), path=RANGE, mutation=mutations.order_of_the_wire,
           bias=_favouring(QUIET | {"repeated_calls": 0.8, "people": 4.0}, ONE_RANGE, create_a_request=24)),
    Mutant("everybody is allowed", "Allowed", ("Allowed",), path=RANGE, mutation=mutations.allow_everybody,
           bias=_favouring(QUIET, ONE_RANGE, some_namespaces_allowed=1, everybody_allowed=0)),
    Mutant("requests that are not allowed hold a range", "Allowed", ("Gone",), path=RANGE,
           mutation=mutations.strangers_hold,
           bias=_favouring(QUIET, ONE_RANGE, some_namespaces_allowed=1, everybody_allowed=0, delete_a_range=2)),
    Mutant("the gateway is handed out", "S1", ("InsideRange",), path=RANGE, mutation=mutations.hand_out_the_gateway,
           bias=_favouring(QUIET, ONE_RANGE, network=1)),
    Mutant("nobody is told of the network", "Informed", ("Informed",), path=REQUEST, mutation=mutations.tell_no_network,
           bias=_favouring(QUIET, ONE_RANGE, network=1)),
    Mutant("the size that a request asks for is ignored", "Asked", ("Asked",), path=RANGE,
           mutation=mutations.ignore_sizes, bias=_favouring(QUIET, ONE_RANGE, a_size=8)),
    Mutant("round robin begins anew in each call", "S1", ("InTurn",), path=RANGE, mutation=mutations.begin_at_the_start,
           bias=_favouring(QUIET, ONE_RANGE, round_robin=1, create_a_request=16)),
    Mutant("an answer computed from half a body", "S7", ("Live",), path=RANGE, mutation=mutations.answer_less),
    Mutant("published cidr ignored", "S6", ("Stable",), path=RANGE, mutation=mutations.ignore_published,
           bias=_favouring(QUIET, ONE_RANGE, strip_the_finalizers_of_a_range=3, delete_a_range=3, create_a_range=6)),
    Mutant("finalize without closing", "S3", ("Proven",), path=RANGE, mutation=mutations.finalize_without_closing,
           bias=_favouring(SLOW, ONE_NAME, create_a_range=8, delete_a_range=4, strip_the_labels_of_a_request=12,
                              delete_a_request=1)),
    Mutant("a stale Ready answer is ended", "decision 1", ("Standing",), path=RANGE,
           mutation=mutations.end_stale_answers,
           bias=_favouring(_restarts("ipamranges"), ONE_RANGE)),
    Mutant("orphans are obeyed", "S1", ("Gone",), path=REQUEST, mutation=mutations.obey_orphans,
           bias=_favouring(QUIET, ONE_RANGE, strip_the_owners_of_an_allocation=4)),
    Mutant("of two extents the name says which is older", "decision 9", ("Disjoint",), path=RANGE,
           mutation=extent_mutations.order_by_name,
           bias=_favouring(QUIET, TWO_RANGES, create_a_range=2, create_a_request=16,
                              delete_a_range=1, everybody_allowed=1, on_hold=0, a_domain=0)),
    Mutant("of two extents the one that was changed first is older", "decision 9", ("Disjoint",), path=RANGE,
           mutation=extent_mutations.order_by_last_change,
           bias=_favouring(QUIET, TWO_RANGES, create_a_range=1, create_a_request=8, keep_an_extent_by_a_finalizer=4,
                              everybody_allowed=1, on_hold=0, a_domain=0)),
    Mutant("grant before the number is written", "decision 9", ("Disjoint",), path=RANGE,
           mutation=extent_mutations.enter_before_the_number_is_written,
           bias=_favouring(QUIET | _lagging("ipamextents"), TWO_RANGES, create_a_range=4, create_a_request=8,
                              delete_a_range=1, keep_an_extent_by_a_finalizer=12, everybody_allowed=1, on_hold=0,
                              a_domain=0)),
    Mutant("grant before the own extent is seen", "decision 9", ("Disjoint",), path=RANGE,
           mutation=extent_mutations.enter_without_a_number,
           bias=_favouring(QUIET | _lagging("ipamextents"), TWO_RANGES, create_a_range=6, a_domain=0)),
    Mutant("a range that is being deleted hides its extents", "decision 9", ("Disjoint",), path=RANGE,
           mutation=extent_mutations.hide_when_deleted,
           bias=_favouring(QUIET, TWO_RANGES, delete_a_range=3, a_domain=0)),
    Mutant("no second look", "S7", ("Gone",), mutation=mutations.never_look_again),
    Mutant("a second look at once", "Calm", ("Calm",), path=RANGE, mutation=mutations.look_again_at_once),
    Mutant("answers in a namespace that is going", "S7", ("Calm",), path=RANGE,
           mutation=mutations.ignore_going_namespace,
           bias=_favouring(QUIET, ONE_RANGE, delete_a_namespace=2)),
    Mutant("let go before the release is committed", "S3", ("Committed",), path=RANGE,
           mutation=mutations.let_go_before_the_commit, bias=_favouring(QUIET, ONE_RANGE, delete_a_request=8)),
    Mutant("a release is forgotten while the request seems alive", "decision 5", ("NoLeak",), path=RANGE,
           mutation=mutations.forget_the_living,
           bias=_favouring(_restarts("ipamrequests"), ONE_RANGE, delete_a_request=8)),
    Mutant("a request goes when its answer is gone", "decision 1", ("NoLeak",), path=REQUEST,
           mutation=mutations.go_without_release, bias=_favouring(QUIET, ONE_RANGE, delete_a_request=8)),
    Mutant("a request goes at once", "S5 a", ("NoLeak",), path=REQUEST, mutation=mutations.go_at_once,
           bias=_favouring(QUIET, ONE_RANGE, delete_a_request=8)),
)  # fmt: skip
