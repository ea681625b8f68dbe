"""The biases of the runs for mutants: what happens often there, so that a mistake is detected soon."""

from __future__ import annotations

from typing import Any

from simulator.attack.chance import KINDS, Bias

#: Requests are served with the fewest calls.
ADMITTED = {"admits": "label and finalizer"}
#: These hide most mistakes, so only the runs for mutants that need them have them: quotas, reservations and closed
#: ranges make grants rare, and edits change what is right.
UNUSUAL = {
    "a_quota": 0.0,
    "closed": 0.0,
    "reservations": 0.0,
    "owned_by_a_Service": 0.0,
    "edit_a_range": 0.0,
    "change_the_reservations": 0.0,
    "end_a_cool-down": 0.0,
    "delete_a_range_by_mistake": 0.0,
    "delegates_its_block": 0.0,
}


def biased(weights: dict[str, Any], behaviour: dict[str, Any], **actions: float) -> Bias:
    """A bias; the names of actions are written with underscores."""
    named = {name.replace("_", " "): weight for name, weight in (UNUSUAL | actions).items()}
    return Bias(weights, ADMITTED | behaviour, named)


def lagging(*kinds: str) -> dict[str, Any]:
    """Weights with which the caches of some kinds lag, and the others hardly do."""
    return {"deliveries": {each: 0.2 if each in kinds else 8.0 for each in KINDS}}


def restarts(*kinds: str) -> dict[str, Any]:
    """Weights with which Metacontrollers restart often, with old caches of some kinds."""
    return QUIET | {"restarts": 0.3, "ages_max": {each: 12 if each in kinds else 0 for each in KINDS}}


#: Metacontrollers restart with caches that may not know a range that has existed for long.
AGED_RANGES = dict.fromkeys(KINDS, 0) | {"ipamranges": 40}
ONE_RANGE = {"ranges": ("a/net",)}
TWO_RANGES = {"ranges": ("a/net", "a/lan")}
ONE_NAME = ONE_RANGE | {"requests": ("r1",)}
TWO_NAMES = ONE_RANGE | {"requests": ("r1", "r2")}
#: No call fails and no cache lags.
QUIET = {"write_faults": 0.0, "hook_faults": 0.0, "clock_faults": 0.0, "waits": 0.02, "restarts": 0.0} | lagging()

#: Syncs take long, and the cache of ranges gets their writes late.
SLOW = QUIET | {"advances": 1.5, "deliveries": {each: 1.0 if each == "ipamranges" else 8.0 for each in KINDS}}

#: Each range limits what its users may hold.
LIMITED = {"a_quota": 1, "create_a_request": 16, "all_namespaces_allowed": 1, "some_namespaces_allowed": 0}

#: Whole clusters are restored often; nothing else disturbs their requests.
RESTORING = {
    "back_up,_empty_and_restore": 1,
    "create_a_request": 16,
    "wipe_and_restore": 0,
    "on_hold": 0,
    "a_count,_a_length_or_an_index": 0,
    "delete_a_range": 0,
    "delete_a_request": 1,
    "a_recorded_address": 0,
    "some_namespaces_allowed": 0,
    "all_namespaces_allowed": 1,
}


#: Most requests name a block by its index, and their ranges lose addresses before they are restored.
SHRINKING = {
    "a_count,_a_length_or_an_index": 24,
    "retire_all_but_a_block_by_index": 16,
    **dict.fromkeys(("excludes", "edit_a_range", "grow_a_range", "take_back_an_entry_of_a_range"), 0),
    **dict.fromkeys(("occupy_a_slice", "strip_the_owners_of_a_slice"), 0),
}
#: Ranges are edited often; in some runs only in one field.
EDITING = {"edit_a_range": 6}
ONLY_THE_NETWORK = {
    "change_the_network": 8,
    **dict.fromkeys(("change_excludes", "close_or_open", "change_the_allowed_namespaces", "change_the_quota"), 0),
}
#: Answers are lost and written again, while the network is edited and the range does not see what requests show.
ANSWERED_AGAIN = biased(
    QUIET | lagging("ipamrequests"),
    ONE_RANGE,
    create_a_request=16,
    network=1,
    remove_an_answer=8,
    delete_a_slice=24,
    **EDITING | ONLY_THE_NETWORK | {"change_the_network": 24},
)
#: Entries of ranges are added and taken back often.
TAKING_BACK = {
    "take_back_an_entry_of_a_range": 12,
    "grow_a_range": 8,
    "delete_a_request": 4,
    **dict.fromkeys(("a_domain", "on_hold", "excludes", "closed", "network", "reservations", "a_quota"), 0),
    **dict.fromkeys(("delete_a_range", "some_namespaces_allowed", "edit_a_range"), 0),
}
#: Requests are often deleted and created again while their blocks cool down.
COOLING = {"cool-down": 1, "create_a_request": 16, "delete_a_request": 12, "on_hold": 0, "a_recorded_address": 0}
#: Reservations are frequent.
RESERVING = {"reservations": 1, "owned_by_a_Service": 0.3, "create_a_request": 16, "on_hold": 0, "excludes": 0}
#: Metacontroller keeps up with people, so that claims and Services see each of their changes.
PROMPT = QUIET | {"people": 0.8, "starts": 5.0, "advances": 8.0, "background": 2.0, "workers": 5, "starved": ""}
#: Claims and Services are frequent, and their range has a network. Little else happens.
INTEGRATING = {
    "network": 2,
    "all_namespaces_allowed": 1,
    "chunk_size": 0,
    **dict.fromkeys(("on_hold", "excludes", "a_domain", "some_namespaces_allowed", "delete_a_namespace"), 0),
    **dict.fromkeys(("delete_a_range", "wipe_and_restore", "back_up,_empty_and_restore"), 0),
    **dict.fromkeys(("serve_an_older_schema", "edit_a_spec", "grow_a_range", "label_a_namespace"), 0),
    "create_a_request": 1,
    "delete_a_request": 0,
}
CLAIMING = INTEGRATING | {"create_a_claim": 32, "delete_a_claim": 4, "delete_an_IPAddress": 8}
#: Services get and lose addresses often.
SERVING = INTEGRATING | {
    "create_a_Service": 16,
    "name_ranges_in_a_Service": 32,
    "name_no_range_in_a_Service": 24,
    "serve_at_the_addresses_of_a_Service": 40,
    "serve_a_Service_no_longer": 16,
}
#: Claims are deleted while a machine still holds them.
LEAVING = {"keep_a_claim_by_a_finalizer": 32, "delete_a_claim,_foreground": 16, "delete_an_IPAddress": 0}
#: Services are deleted while their load balancer still holds them.
ENDING = {"keep_a_Service_by_a_finalizer": 24, "delete_a_Service,_foreground": 8}
#: Many requests delegate their blocks, and many others ask for blocks of these.
DELEGATING = {
    "delegates_its_block": 0.9,
    "create_a_range": 1,
    "create_a_request": 8,
    "create_a_request_of_a_delegated_range": 12,
    "delete_a_request": 8,
    "chunk_size": 1,
    "the_default_size": 8,
    "all_namespaces_allowed": 1,
    **dict.fromkeys(("a_size", "a_block_of_its_choice", "a_count,_a_length_or_an_index", "a_recorded_address"), 0),
    **dict.fromkeys(("some_namespaces_allowed", "excludes", "on_hold", "network", "cool-down", "a_quota"), 0),
    **dict.fromkeys(("delete_a_namespace", "wipe_and_restore", "back_up,_empty_and_restore"), 0),
    **dict.fromkeys(("serve_an_older_schema", "delete_a_range", "strip_the_finalizers_of_a_range"), 0),
}
