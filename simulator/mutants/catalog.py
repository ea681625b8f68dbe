"""Designs that break one rule each; the invariants must detect every one of them.

A mutant changes the CRDs, or what Metacontroller and the hooks send each other: a body before the hooks get it, or
their answer. So a mutant describes a mistake by its effect on the rest of the world, however the hooks are written.

Each mutant names the invariants that must detect it, each by itself, and a bias for its runs; without the bias it
would be detected later. The right design runs with the same bias and must pass the seeds that detect the mutant.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.attack.chance import Bias
from simulator.kubernetes.objects import copied
from simulator.mutants import (
    cooldown_mutations,
    crd_mutations,
    delegation_mutations,
    edit_mutations,
    extent_mutations,
    integration_mutations,
    mode_mutations,
    mutations,
    policy_mutations,
    reservation_mutations,
    restore_mutations,
    schema_mutations,
    slice_mutations,
    spec_mutations,
)
from simulator.mutants.biases import (
    AGED_RANGES,
    ANSWERED_AGAIN,
    CLAIMING,
    COOLING,
    DELEGATING,
    EDITING,
    ENDING,
    LEAVING,
    LIMITED,
    ONE_NAME,
    ONE_RANGE,
    ONLY_THE_NETWORK,
    PROMPT,
    QUIET,
    RESERVING,
    RESTORING,
    SERVING,
    SLOW,
    TAKING_BACK,
    TWO_NAMES,
    TWO_RANGES,
    biased,
    lagging,
    restarts,
)
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


RANGE, REQUEST = "/ipamrange/", "/ipamrequest/"
CLAIM, SERVICE = "/ipaddressclaim/", "/service/"
MUTANTS: tuple[Mutant, ...] = (
    Mutant("no compare and swap", "S2", ("Monotone", "NoOverlap"), crds=crd_mutations.no_cas,
           bias=biased(QUIET | lagging("ipamranges"), ONE_RANGE)),
    Mutant("compare and swap by the ledger without the revision", "S2", ("Monotone",),
           crds=crd_mutations.cas_by_ledger_alone,
           bias=biased(QUIET | lagging("ipamranges"), TWO_NAMES, delete_a_request=8)),
    Mutant("no revision in the default status", "S2", ("Calm",), crds=crd_mutations.no_default_revision),
    Mutant("published blocks may be changed", "S4", ("Stable",), crds=crd_mutations.published_may_change,
           bias=biased(QUIET, ONE_RANGE, edit_a_status=3)),
    Mutant("the proposal is published", "S3", ("Committed",), path=RANGE, mutation=mutations.publish_proposal),
    Mutant("requests are refused because of the proposal", "S3", ("Committed",), path=RANGE,
           mutation=mutations.refuse_by_proposal,
           bias=biased(QUIET | lagging("ipamranges"), ONE_RANGE, a_block_of_its_choice=12,
                        create_a_request=16)),
    Mutant("held blocks are granted", "S1", ("NoOverlap",), path=RANGE, mutation=mutations.grant_held_blocks,
           bias=biased(QUIET, ONE_RANGE)),
    Mutant("every request is placed again in each call", "S4", ("Stable", "NoEarlyReuse", "Consistent"), path=RANGE,
           mutation=mutations.place_again, bias=biased(QUIET, ONE_RANGE)),
    Mutant("an interval is rounded up to a CIDR", "S1", ("InsideRange",), path=RANGE,
           mutation=mutations.round_intervals),
    Mutant("capacity is counted before the grants", "S1", ("Accounted",), path=RANGE,
           mutation=mutations.count_before_granting),
    Mutant("absent holders are released", "S5", ("Proven",), path=RANGE, mutation=mutations.release_absent,
           bias=biased(QUIET, ONE_RANGE, strip_the_labels_of_a_request=8)),
    Mutant("holders that are marked as absent are released", "S5", ("Proven",), path=RANGE,
           mutation=mutations.release_marked,
           bias=biased(QUIET, ONE_RANGE, strip_the_labels_of_a_request=8)),
    Mutant("a range in deletion releases absent holders", "S5", ("Proven",), path=RANGE,
           mutation=mutations.release_absent_when_deleted,
           bias=biased(QUIET, ONE_RANGE, strip_the_labels_of_a_request=8, delete_a_range=2)),
    Mutant("holders are reclaimed at once", "S5 b", ("Proven",), path=RANGE, mutation=mutations.reclaim_at_once,
           bias=biased(QUIET, ONE_RANGE, strip_the_labels_of_a_request=8, reclaim_all_holders=8)),
    Mutant("the block of an absent holder is granted again", "S5", ("NoEarlyReuse",), path=RANGE,
           mutation=mutations.grant_blocks_of_absent,
           bias=biased(QUIET | {"starved": "ipamrequest", "starved_share": 0.02}, ONE_RANGE,
                        strip_the_labels_of_a_request=8, create_a_request=12)),
    Mutant("a request of the same name proves a release", "S5", ("Proven",), path=RANGE,
           mutation=mutations.release_other_uid,
           bias=biased(restarts("ipamrequests"), ONE_NAME, create_a_request=16, delete_a_request=8)),
    Mutant("foreign finalizers are ignored", "S5 a", ("Proven",), path=RANGE,
           mutation=mutations.ignore_foreign_finalizers,
           bias=biased(QUIET, ONE_RANGE, keep_a_request_by_a_finalizer=8, delete_a_request=8)),
    Mutant("a request without our finalizer is granted a block", "S5 a", ("NoLeak",), path=RANGE,
           mutation=mutations.grant_without_finalizer,
           bias=biased(QUIET, ONE_RANGE | {"admits": "label"}, delete_a_request=8)),
    Mutant("requests are served in the order of the wire", "S6", ("SameAnswer",), path=RANGE,
           mutation=mutations.serve_in_wire_order,
           bias=biased(QUIET | {"repeated_calls": 0.8, "people": 4.0}, ONE_RANGE, create_a_request=24)),
    Mutant("all namespaces are allowed", "Allowed", ("Allowed",), path=RANGE, mutation=mutations.allow_all_namespaces,
           bias=biased(QUIET, ONE_RANGE, some_namespaces_allowed=1, all_namespaces_allowed=0)),
    Mutant("requests that are not allowed keep a deleted range", "Allowed", ("Gone",), path=RANGE,
           mutation=mutations.keep_range_for_others,
           bias=biased(QUIET, ONE_RANGE, some_namespaces_allowed=1, all_namespaces_allowed=0, delete_a_range=2)),
    Mutant("quotas are ignored", "WithinQuota", ("WithinQuota",), path=RANGE, mutation=spec_mutations.ignore_quotas,
           bias=biased(QUIET, ONE_RANGE, **LIMITED)),
    Mutant("blocks that cool down do not count in a quota", "decision 21", ("WithinQuota",), path=RANGE,
           mutation=spec_mutations.forget_cooling,
           bias=biased(QUIET, ONE_RANGE, **LIMITED | {"cool-down": 1, "delete_a_request": 8})),
    Mutant("the grants of one call do not count each other", "S6", ("WithinQuota",), path=RANGE,
           mutation=spec_mutations.count_each_alone,
           bias=biased(QUIET, ONE_RANGE, **LIMITED | {"create_requests_in_one_second": 8})),
    Mutant("requests without a block keep a deleted range", "decision 30", ("Gone",), path=RANGE,
           mutation=mutations.keep_range_for_others,
           bias=biased(QUIET, ONE_RANGE, delete_a_range=2, a_size=8)),
    Mutant("the gateway is granted", "S1", ("InsideRange",), path=RANGE, mutation=mutations.grant_the_gateway,
           bias=biased(QUIET, ONE_RANGE, network=1)),
    Mutant("reserved addresses are granted alone", "S1", ("InsideRange",), path=RANGE,
           mutation=spec_mutations.grant_reserved_addresses,
           bias=biased(QUIET, ONE_RANGE, network=1, chunk_size=0, reserved_addresses=0)),
    Mutant("requests do not show the network", "Informed", ("Informed",), path=REQUEST,
           mutation=mutations.hide_the_network, bias=biased(QUIET, ONE_RANGE, network=1)),
    Mutant("requests do not show their address", "Informed", ("Informed",), path=REQUEST,
           mutation=mutations.hide_addresses, bias=biased(QUIET, ONE_RANGE)),
    Mutant("a request does not see that there is no range", "decision 29", ("Informed",), path=REQUEST,
           mutation=extent_mutations.see_ranges_everywhere, bias=biased(QUIET, TWO_RANGES, create_a_range=0)),
    Mutant("the size of a request is ignored", "Asked", ("Asked",), path=RANGE,
           mutation=mutations.ignore_sizes, bias=biased(QUIET, ONE_RANGE, a_size=8)),
    Mutant("round robin starts again in each call", "S1", ("InTurn",), path=RANGE,
           mutation=mode_mutations.forget_cursors,
           bias=biased(QUIET, ONE_RANGE, round_robin=1, create_a_request=16)),
    Mutant("first fit is served by best fit", "decision 28", ("InTurn",), path=RANGE, mutation=mode_mutations.fit_best,
           bias=biased(QUIET, ONE_RANGE, first_fit=1, round_robin=0, a_size=8, delete_a_request=8)),
    Mutant("an answer is computed from half a body", "S7", ("Live",), path=RANGE, mutation=mutations.omit_slices),
    Mutant("the block that a request shows is ignored", "S6", ("Stable",), path=RANGE,
           mutation=mutations.ignore_shown_blocks,
           bias=biased(QUIET, ONE_RANGE, strip_the_finalizers_of_a_range=3, delete_a_range=3, create_a_range=6)),
    Mutant("a range is finalized without closing", "S3", ("Proven",), path=RANGE,
           mutation=mutations.finalize_without_closing,
           bias=biased(SLOW | {"starved": "ipamrange", "starved_share": 0.1}, ONE_NAME | {"installs": ()},
                        create_a_range=8, delete_a_range=4, create_a_request=16, delete_a_request=1)),
    Mutant("a newer Ready answer is withdrawn", "decision 1", ("Standing",), path=RANGE,
           mutation=mutations.withdraw_newer_answers,
           bias=biased(restarts("ipamranges"), ONE_RANGE)),
    Mutant("slices of no range are obeyed", "S1", ("Gone",), path=REQUEST, mutation=mutations.copy_orphans,
           bias=biased(QUIET, ONE_RANGE, strip_the_owners_of_a_slice=4)),
    Mutant("an answer to another uid is obeyed", "S4", ("Committed",), path=REQUEST,
           mutation=slice_mutations.obey_others, bias=biased(QUIET, ONE_RANGE, create_requests_in_one_second=8)),
    Mutant("a slice is deleted while a member stands", "S3", ("Standing", "Placed"), path=RANGE,
           mutation=slice_mutations.delete_with_members,
           bias=biased(QUIET, ONE_RANGE, create_requests_in_one_second=8, delete_a_request=8)),
    Mutant("newer answers are dropped with an older slice", "decision 11", ("Standing", "Placed"), path=RANGE,
           mutation=slice_mutations.delete_when_empty,
           bias=biased(restarts("ipamranges", "ipamallocationslices") | {"restarts": 0.6, "people": 2.0},
                        ONE_RANGE | {"installs": ()}, create_a_request=16, create_requests_in_one_second=0,
                        remove_an_answer=24)),
    Mutant("a slice is deleted although a holder is not observed", "decision 11", ("Placed",), path=RANGE,
           mutation=slice_mutations.delete_without_holders,
           bias=biased(QUIET | {"waits": 1.0}, ONE_RANGE | {"installs": ()}, create_requests_in_one_second=0,
                        strip_the_labels_of_a_request=8, remove_an_answer=16)),
    Mutant("the name of a slice comes from the time of the call", "decision 11", ("Placed", "Calm"), path=RANGE,
           mutation=slice_mutations.name_by_the_call, bias=biased(QUIET, ONE_RANGE)),
    Mutant("an answer of another writer is dropped without being returned once", "decision 11", ("Gone",), path=RANGE,
           mutation=slice_mutations.drop_what_others_wrote, bias=biased(QUIET, ONE_RANGE, add_an_answer=2)),
    Mutant("the message of a refusal changes with each call", "Calm", ("Calm",), path=RANGE,
           mutation=slice_mutations.date_refusals, bias=biased(QUIET, ONE_RANGE, a_size=8)),
    Mutant("an answer in another slice stands", "decision 11", ("Placed",), path=RANGE,
           mutation=slice_mutations.keep_misplaced, bias=biased(QUIET, ONE_RANGE, add_an_answer=4)),
    Mutant("the name decides which extent is older", "decision 9", ("Disjoint",), path=RANGE,
           mutation=extent_mutations.order_by_name,
           bias=biased(QUIET, TWO_RANGES, create_a_range=2, create_a_request=16,
                        delete_a_range=1, all_namespaces_allowed=1, on_hold=0, a_domain=0)),
    Mutant("the last change decides which extent is older", "decision 9", ("Disjoint",), path=RANGE,
           mutation=extent_mutations.order_by_last_change,
           bias=biased(QUIET, TWO_RANGES, create_a_range=1, create_a_request=8, keep_an_extent_by_a_finalizer=4,
                        all_namespaces_allowed=1, on_hold=0, a_domain=0)),
    Mutant("a range grants before its extent has a number", "decision 9", ("Disjoint",), path=RANGE,
           mutation=extent_mutations.enter_before_the_number_is_written,
           bias=biased(QUIET | lagging("ipamextents"), TWO_RANGES, create_a_range=4, create_a_request=8,
                        delete_a_range=1, keep_an_extent_by_a_finalizer=12, all_namespaces_allowed=1, on_hold=0,
                        a_domain=0)),
    Mutant("a range grants before it sees its own extent", "decision 9", ("Disjoint",), path=RANGE,
           mutation=extent_mutations.enter_without_a_number,
           bias=biased(QUIET | lagging("ipamextents"), TWO_RANGES, create_a_range=6, a_domain=0)),
    Mutant("a range in deletion removes its extents", "decision 9", ("Disjoint",), path=RANGE,
           mutation=extent_mutations.hide_when_deleted,
           bias=biased(QUIET, TWO_RANGES, delete_a_range=3, a_domain=0)),
    Mutant("a range sees only the extents of its own cell", "decision 18", ("Disjoint",), path=RANGE,
           mutation=extent_mutations.see_only_the_own_cell,
           bias=biased(QUIET, TWO_RANGES, create_a_request=16, all_namespaces_allowed=1, on_hold=0, a_domain=0)),
    Mutant("an extent that lost its number gets another one", "decision 19", ("Disjoint",), path=RANGE,
           mutation=schema_mutations.renumber_extents,
           bias=biased(QUIET, TWO_RANGES | {"lacks": "ipamextents spec.number"}, on_hold=0, a_domain=0,
                        serve_an_older_schema=2)),
    Mutant("what an older schema has shown is not written again", "decision 19", ("Live",), path=RANGE,
           mutation=schema_mutations.write_nothing_again,
           bias=biased(QUIET | {"people": 2.0},
                        ONE_RANGE | {"lacks": "ipamallocationslices spec.answers.message", "installs": ()},
                        serve_an_older_schema=8, serve_the_shipped_schema=8, open_watches_again=4)),
    Mutant("the marker of a schema is ignored", "decision 19", ("Asked",), path=RANGE,
           mutation=schema_mutations.ignore_markers,
           bias=biased(QUIET, ONE_RANGE | {"lacks": "ipamrequests spec.size"}, serve_an_older_schema=2, a_size=8)),
    Mutant("recorded addresses are ignored", "Restored", ("Restored",), path=RANGE,
           mutation=restore_mutations.ignore_records, bias=biased(QUIET, ONE_RANGE, **RESTORING)),
    Mutant("a hold is ignored", "Restored", ("Restored",), path=RANGE, mutation=restore_mutations.ignore_holds,
           bias=biased(QUIET, ONE_RANGE, **RESTORING)),
    Mutant("a retired address is not returned", "Restored", ("Restored",), path=RANGE,
           mutation=edit_mutations.return_nothing_retired,
           bias=biased(QUIET, ONE_RANGE, **RESTORING | EDITING | {"change_excludes": 8})),
    Mutant("a recorded address of a request by index is ignored", "Restored", ("Restored",), path=RANGE,
           mutation=restore_mutations.ignore_records_by_index,
           bias=biased(QUIET, ONE_RANGE, **RESTORING | {"a_count,_a_length_or_an_index": 8, "grow_a_range": 4})),
    Mutant("a range on hold announces all its addresses", "decision 20", ("Restored",), path=RANGE,
           mutation=restore_mutations.announce_all_on_hold,
           bias=biased(QUIET, TWO_RANGES, **RESTORING | {"a_domain": 0, "back_up,_empty_and_restore": 3})),
    Mutant("recorded addresses are served first", "decision 20", ("ByAge",), path=RANGE,
           mutation=restore_mutations.serve_records_first,
           bias=biased(QUIET, ONE_RANGE | {"requests": ("r1", "r2", "r3", "r4", "r5", "r6")}, create_a_request=24,
                        delete_a_request=6, a_recorded_address=0.5, chunk_size=1, on_hold=0)),
    Mutant("a block that cools down is returned to any request of its namespace", "decision 32", ("NoEarlyReuse",),
           path=RANGE, mutation=cooldown_mutations.return_to_a_namespace, bias=biased(QUIET, TWO_NAMES, **COOLING)),
    Mutant("the end of one cool-down ends all", "decision 32", ("NoEarlyReuse",), path=RANGE,
           mutation=cooldown_mutations.end_all, bias=biased(QUIET, ONE_RANGE, **COOLING | {"end_a_cool-down": 4})),
    Mutant("the end of a cool-down is ignored", "decision 32", ("Cooled",), path=RANGE,
           mutation=cooldown_mutations.end_none, bias=biased(QUIET, ONE_RANGE, **COOLING | {"end_a_cool-down": 4})),
    Mutant("a block that cools down is not returned", "decision 32", ("Cooled",), path=RANGE,
           mutation=cooldown_mutations.return_nothing, bias=biased(QUIET, TWO_NAMES, **COOLING)),
    Mutant("reservations are ignored", "Reserved", ("Reserved",), path=RANGE,
           mutation=reservation_mutations.ignore_reservations, bias=biased(QUIET, ONE_RANGE, **RESERVING)),
    Mutant("a reservation is used by any request of its namespace", "Reserved", ("Reserved",), path=RANGE,
           mutation=reservation_mutations.reserve_for_a_namespace, bias=biased(QUIET, ONE_RANGE, **RESERVING)),
    Mutant("any owner of a request is a holder", "Reserved", ("Reserved",), path=RANGE,
           mutation=reservation_mutations.take_any_owner,
           bias=biased(QUIET, ONE_RANGE, **RESERVING | {"owned_by_a_Service": 0.5})),
    Mutant("a reservation waits for nothing", "Reserved", ("Reserved",), path=RANGE,
           mutation=reservation_mutations.reserve_for_nothing, bias=biased(QUIET, ONE_RANGE, **RESERVING)),
    Mutant("the holder of a reservation is not served", "Reserved", ("Live",), path=RANGE,
           mutation=reservation_mutations.leave_out_holders, bias=biased(QUIET, ONE_RANGE, **RESERVING)),
    Mutant("an edit is not fenced", "S2", ("Fenced",), crds=edit_mutations.cas_without_generation, path=RANGE,
           mutation=edit_mutations.edit_without_revision,
           bias=biased(SLOW, ONE_RANGE, create_a_request=16, **EDITING)),
    Mutant("excluded addresses are granted", "S1", ("InsideRange",), path=RANGE,
           mutation=edit_mutations.ignore_excludes,
           bias=biased(QUIET, ONE_RANGE, create_a_request=16, **EDITING | {"change_excludes": 8})),
    Mutant("an entry of a range is removed while it is held", "decision 33", ("InsideRange",), path=RANGE,
           mutation=edit_mutations.name_all_as_removable,
           bias=biased(QUIET, ONE_RANGE, create_a_request=16, **TAKING_BACK)),
    Mutant("held addresses are withdrawn", "decision 33", ("Disjoint",), path=RANGE,
           mutation=edit_mutations.give_up_what_is_excluded,
           bias=biased(QUIET, TWO_RANGES, create_a_request=16, **TAKING_BACK)),
    Mutant("a closed range grants blocks", "Fenced", ("Fenced",), path=RANGE,
           mutation=edit_mutations.ignore_closing,
           bias=biased(QUIET, ONE_RANGE, create_a_request=16, **EDITING | {"close_or_open": 8})),
    Mutant("a former gateway is granted", "decision 26", ("Withheld",), path=RANGE,
           mutation=edit_mutations.forget_gateways,
           bias=biased(QUIET, ONE_RANGE | {"requests": ("r1", "r2", "r3", "r4", "r5", "r6")}, network=1, chunk_size=0,
                        create_a_request=24, a_size=0, reserved_addresses=1, all_namespaces_allowed=1,
                        some_namespaces_allowed=0, **EDITING | ONLY_THE_NETWORK)),
    Mutant("a later answer changes the network of a holder", "decision 26", ("Informed",), path=REQUEST,
           mutation=edit_mutations.forget_what_was_copied, bias=ANSWERED_AGAIN),
    Mutant("a range answers by a spec that is not committed", "decision 26", ("Informed",), path=RANGE,
           mutation=edit_mutations.publish_by_any_spec, bias=ANSWERED_AGAIN),
    Mutant("a range that no request names grants blocks", "decision 34", ("Delegated",), path=RANGE,
           mutation=delegation_mutations.name_every_range,
           bias=biased(QUIET, ONE_RANGE, **DELEGATING | {"create_a_late_range": 4})),
    Mutant("the release of a block does not wait for its range", "S5 a", ("Delegated", "Proven"), path=RANGE,
           mutation=delegation_mutations.forget_ranges, bias=biased(QUIET, ONE_RANGE, **DELEGATING)),
    Mutant("the absence of a range is a proof", "decision 34", ("Delegated",), path=REQUEST,
           mutation=delegation_mutations.take_absence_as_proof,
           bias=biased(restarts("ipamranges") | lagging("ipamranges") | {"ages_max": AGED_RANGES}, ONE_RANGE,
                        **DELEGATING | {"delete_a_request": 16})),
    Mutant("a range is finished while it is in use", "decision 34", ("Delegated",), path=RANGE,
           mutation=delegation_mutations.finish_while_in_use, bias=biased(QUIET, ONE_RANGE, **DELEGATING)),
    Mutant("a range does not end with its request", "decision 34", ("Gone",), path=RANGE,
           mutation=delegation_mutations.outlive_the_request, bias=biased(QUIET, ONE_RANGE, **DELEGATING)),
    Mutant("a range is removed before its request knows that it is finished", "decision 34", ("Gone",), path=RANGE,
           mutation=delegation_mutations.leave_at_once,
           bias=biased(QUIET, ONE_RANGE, **DELEGATING | {"delete_a_range": 2})),
    Mutant("no answer asks for a resync", "S7", ("Gone",), mutation=mutations.ask_for_no_resync),
    Mutant("every answer asks for a resync at once", "Calm", ("Calm",), path=RANGE, mutation=mutations.resync_at_once),
    Mutant("answers are created in a namespace in deletion", "S7", ("Calm",), path=RANGE,
           mutation=mutations.ignore_deletion_of_namespace,
           bias=biased(QUIET, ONE_RANGE, delete_a_namespace=2)),
    Mutant("an answer says Released before the commit", "S3", ("Committed",), path=RANGE,
           mutation=mutations.release_before_the_commit, bias=biased(QUIET, ONE_RANGE, delete_a_request=8)),
    Mutant("a release is forgotten while the request seems alive", "decision 5", ("NoLeak",), path=RANGE,
           mutation=mutations.forget_the_living,
           bias=biased(restarts("ipamrequests"), ONE_RANGE, delete_a_request=8)),
    Mutant("a missing answer removes the finalizer of a request", "decision 1", ("NoLeak",), path=REQUEST,
           mutation=mutations.finalize_without_answer, bias=biased(QUIET, ONE_RANGE, delete_a_request=8)),
    Mutant("the finalizer of a request is removed at once", "S5 a", ("NoLeak",), path=REQUEST,
           mutation=mutations.finalize_at_once, bias=biased(QUIET, ONE_RANGE, delete_a_request=8)),
    Mutant("a request that is being deleted gives an IPAddress", "Claimed", ("Claimed",), path=CLAIM,
           mutation=integration_mutations.trust_deleted_requests,
           bias=biased(PROMPT, ONE_RANGE | {"installs": ()}, **CLAIMING | {"delete_a_request": 12})),
    Mutant("a claim that is served gives up its request", "decision 35", ("Claimed",), path=CLAIM,
           mutation=integration_mutations.give_up_claims, bias=biased(PROMPT, ONE_RANGE, **CLAIMING)),
    Mutant("a claim that is deleted in the foreground gives up its request at once", "decision 36", ("Claimed",),
           path="/claimedrequest/", mutation=integration_mutations.give_up_deleted_requests,
           bias=biased(PROMPT, ONE_RANGE | {"installs": ("policies",)}, **CLAIMING | LEAVING)),
    Mutant("the address of a Service follows its range", "decision 37", ("Written",), path=SERVICE,
           mutation=integration_mutations.follow_ranges, bias=biased(PROMPT, TWO_RANGES, **SERVING)),
    Mutant("a Service releases an address that is in use", "decision 37", ("Written",), path=SERVICE,
           mutation=integration_mutations.release_what_is_in_use, bias=biased(PROMPT, ONE_RANGE, **SERVING)),
    Mutant("a Service that is deleted in the foreground gives up its requests first", "decision 37", ("Written",),
           policies=policy_mutations.let_services_be_deleted_in_the_foreground,
           bias=biased(PROMPT, ONE_RANGE | {"installs": ("policies",)}, **SERVING | ENDING)),
    Mutant("a namespace that is being deleted gives up the requests of Services first", "decision 35", ("Written",),
           policies=policy_mutations.let_namespaces_delete_attached_requests,
           bias=biased(PROMPT, ONE_RANGE | {"installs": ("policies",)},
                       **SERVING | ENDING | {"delete_a_namespace": 4})),
    Mutant("a Service forgets the requests that it has given up", "decision 37", ("Written",), path=SERVICE,
           mutation=integration_mutations.note_nothing,
           bias=biased(PROMPT | lagging("ipamrequests"), ONE_RANGE, **SERVING)),
)  # fmt: skip
