"""The cost of a call grows in proportion to its body, never with the square of it, in every situation of a range.

The cost is the number of Python instructions that one call executes: the same in each run and on each machine. Twice
the objects cost at most twice as much; or a little more, where something is searched among many others.
"""

import json
from collections.abc import Callable

import pytest

from bench.counting import instruction_count
from hooks.api.names import REQUEST_KEY
from hooks.protocol.bodies import RangeBody
from hooks.protocol.decoding import decode_body
from hooks.ranges import sync as ranges
from tests.hooks.build import (
    NOW,
    Obj,
    answer_item,
    at,
    deleted,
    entry,
    extent_object,
    put_on_hold,
    range_body,
    range_object,
    reclaiming,
    recording,
    request_object,
    slice_object,
    with_ledger,
)
from tests.hooks.reserving import controlled, reserving

SMALL, LARGE = 100, 200
GROWTH_MAX = 2.0
GROWTH_MAX_OF_A_SEARCH = 2.2


def cost(body: Obj) -> int:
    """Number of instructions that one call of the hook executes, without decoding the body."""
    decoded = decode_body(json.dumps(body).encode(), RangeBody)
    return instruction_count(lambda: ranges.sync(decoded, NOW))


def cost_when_repeated(body: Obj) -> int:
    """Cost of a call after the same call has filled the caches of the process, which are not a cost of each call."""
    cost(body)
    return cost(body)


def cidr(index: int) -> str:
    return f"10.0.{index >> 4}.{16 * (index & 15)}/28"


def entries(count: int) -> list[Obj]:
    return [entry(f"r{index}", cidr(index)) for index in range(count)]


def answers(count: int) -> list[Obj]:
    return [answer_item(f"r{index}", cidr=cidr(index), revision=1) for index in range(count)]


def requests(count: int) -> list[Obj]:
    return [request_object(f"r{index}") for index in range(count)]


def newcomers(count: int) -> list[Obj]:
    return [request_object(f"n{index}") for index in range(count)]


def texts(count: int) -> tuple[str, ...]:
    return tuple(f"10.{index}.0.0/24" for index in range(count))


def waiting(count: int) -> Obj:
    return range_body(range_object("10.0.0.0/16"), *requests(count))


def waiting_under_round_robin(count: int) -> Obj:
    return range_body(range_object("10.0.0.0/16", mode="RoundRobin"), *requests(count))


def settled(count: int) -> Obj:
    parent = with_ledger(range_object("10.0.0.0/16"), *entries(count))
    return range_body(parent, *requests(count), answers=answers(count))


def settled_in_slices_of_their_own(count: int) -> Obj:
    parent = with_ledger(range_object("10.0.0.0/16"), *entries(count))
    alone = [request_object(f"r{index}", created=at(-60 - index)) for index in range(count)]
    return range_body(parent, *alone, answers=answers(count))


def empty_slices(count: int) -> Obj:
    slices = [slice_object(name=f"net-{index}", created=at(-9999 * (index % 2))) for index in range(count)]
    return settled(count) | {"children": range_body(range_object(), answers=answers(count), slices=slices)["children"]}


def exhausted(count: int) -> Obj:
    parent = with_ledger(range_object(f"10.0.0.0-10.0.{count >> 4}.{16 * (count & 15) - 1 & 255}"), *entries(count))
    return range_body(parent, *requests(count), *newcomers(count), answers=answers(count))


def limited_by_a_quota(count: int) -> Obj:
    """Half of the requests that wait are within it."""
    parent = range_object("10.0.0.0/16", quota={"addresses": 16 * (count + count // 2)})
    return range_body(with_ledger(parent, *entries(count)), *requests(count), *newcomers(count))


def waiting_beside_reserved_addresses(count: int) -> Obj:
    parent = range_object("10.0.0.0/16", chunk_size=None, network={"prefixLength": 28})
    held = [entry(f"r{index}", f"10.0.{index >> 4}.{16 * (index & 15) + 5}/32") for index in range(count)]
    return range_body(with_ledger(parent, *held), *requests(count), *newcomers(count))


def exhausted_and_cooling_down(count: int) -> Obj:
    cooling = [entry(f"r{index}", cidr(index), released_at=at(-5)) for index in range(count)]
    return range_body(with_ledger(range_object("10.0.0.0/28", cooldown=3600), *cooling), *newcomers(count))


def dedicated_in_many_intervals(count: int) -> Obj:
    parent = range_object(*texts(count), excludes=[f"10.{index}.0.0/28" for index in range(count)])
    wanted = [request_object(f"n{index}", wanted=f"10.{index}.0.{16 * (index % 4)}/28") for index in range(count)]
    return range_body(parent, *wanted)


def dedicated_by_index_in_many_intervals(count: int) -> Obj:
    wanted = [request_object(f"n{index}", wanted=f"{16 * index}/28") for index in range(count)]
    return range_body(range_object(*texts(count)), *wanted)


def dedicated_and_taken(count: int) -> Obj:
    wanted = [request_object(f"n{index}", wanted=cidr(index)) for index in range(count)]
    return range_body(with_ledger(range_object("10.0.0.0/16"), *entries(count)), *requests(count), *wanted)


def reserved_for_requests(count: int) -> Obj:
    parent = reserving(range_object("10.0.0.0/16"), **{f"r{index}": cidr(index) for index in range(count)})
    return range_body(parent, *requests(count), *newcomers(count))


def reserved_and_held_by_others(count: int) -> Obj:
    parent = with_ledger(range_object("10.0.0.0/16"), *entries(count))
    reservations = {f"n{index}": cidr(index) for index in range(count)}
    return range_body(reserving(parent, **reservations), *requests(count), *newcomers(count), answers=answers(count))


def reserved_as_a_whole_over_many_holders(count: int) -> Obj:
    parent = reserving(with_ledger(range_object("10.0.0.0/16"), *entries(count)), owner="10.0.0.0/17")
    return range_body(parent, *requests(count), answers=answers(count))


def reserved_for_one_owner_of_all(count: int) -> Obj:
    blocks = [{"cidr": cidr(index), "holder": {"kind": "Service", "name": "web"}} for index in range(64)]
    owned = [controlled(each, "Service", "web") for each in requests(count)]
    return range_body(reserving(range_object("10.0.0.0/16"), *blocks), *owned)


def recorded_on_hold(count: int) -> Obj:
    back = [recording(request_object(f"r{index}"), cidr(index)) for index in range(count)]
    return range_body(with_ledger(put_on_hold(range_object("10.0.0.0/16")), revision=1, on_hold=True), *back)


def recorded_and_taken_on_hold(count: int) -> Obj:
    back = [recording(request_object(f"n{index}", wanted=f"{index}/27"), cidr(index)) for index in range(count)]
    back += [recording(request_object(f"m{index}"), cidr(index)) for index in range(count)]
    parent = with_ledger(put_on_hold(range_object("10.0.0.0/16")), *entries(count), on_hold=True)
    return range_body(parent, *requests(count), *back)


def granted_instead_of_recorded(count: int) -> Obj:
    """Answers that are not published yet, to requests whose recorded blocks are all taken."""
    back = [recording(request_object(f"r{index}"), cidr(count - 1 - index)) for index in range(count)]
    return range_body(with_ledger(range_object("10.0.0.0/16"), *entries(count)), *back)


def announced_in_many_parts(count: int) -> Obj:
    addresses = [f"fd00::{2 * index:x}" for index in range(1, 20 * count)]
    return range_body(range_object(*addresses, chunk_size=128), announced=[], extents=[])


def announced_on_hold(count: int) -> Obj:
    back = [recording(request_object(f"r{index}"), cidr(2 * index)) for index in range(count)]
    return range_body(put_on_hold(range_object("10.0.0.0/16")), *back, announced=[], extents=[])


def with_slips_and_idle_excludes(count: int) -> Obj:
    ranges = [*texts(count), *(f"10.{index}.1.9-10.{index}.1.1" for index in range(count))]
    return range_body(range_object(*ranges, excludes=[f"11.{index}.0.0/28" for index in range(count)]))


def of_an_older_schema(count: int) -> Obj:
    body = settled(count)
    del body["parent"]["status"]["schemaV1"]
    return body


def with_a_malformed_request(count: int) -> Obj:
    """None of the requests is decoded together with the body."""
    body = settled(count)
    body["related"][REQUEST_KEY]["team-a/malformed"] = 5
    return body


def released(count: int) -> Obj:
    parent = with_ledger(range_object("10.0.0.0/16"), *entries(count))
    return range_body(parent, *map(deleted, requests(count)), answers=answers(count))


def released_to_cool_down(count: int) -> Obj:
    body = released(count)
    body["parent"]["spec"]["cooldownSeconds"] = 3600
    return body


def answered_released(count: int) -> Obj:
    names = [f"r{index}" for index in range(count)]
    parent = with_ledger(range_object("10.0.0.0/16"), revision=2, released=names)
    return range_body(parent, *map(deleted, requests(count)), answers=answers(count))


def absent(count: int) -> Obj:
    reclaimed = ",".join(f"uid-r{index}" for index in range(0, count, 2))
    return range_body(with_ledger(reclaiming(range_object("10.0.0.0/16"), reclaimed), *entries(count)))


def being_deleted(count: int) -> Obj:
    parent = with_ledger(deleted(range_object("10.0.0.0/16")), *entries(count), closing=True)
    return range_body(parent, *requests(count), *newcomers(count), answers=answers(count), finalizing=True)


def overlapped_by_many(count: int) -> Obj:
    others = [extent_object(cidr(index), version=index + 1, range_=f"other{index}") for index in range(count)]
    own = [extent_object("10.0.0.0-10.0.255.255", version=9999)]
    return range_body(range_object("10.0.0.0/16"), *newcomers(count), announced=own, extents=[*own, *others])


def overlapped_by_many_with_gaps_beside_many_holders(count: int) -> Obj:
    others = [extent_object(f"10.0.{index >> 4}.{16 * (index & 15) + 8}", version=index + 1, range_=f"other{index}")
              for index in range(count)]  # fmt: skip
    own = [extent_object("10.0.0.0-10.0.255.255", version=9999)]
    held = [entry(f"r{index}", f"10.0.{index >> 4}.{16 * (index & 15)}/32") for index in range(count)]
    parent = with_ledger(range_object("10.0.0.0/16"), *held)
    return range_body(parent, *newcomers(count), announced=own, extents=[*own, *others])


#: Here each request or extent is searched for among as many intervals.
SEARCHES = [
    dedicated_in_many_intervals,
    dedicated_by_index_in_many_intervals,
    overlapped_by_many,
    overlapped_by_many_with_gaps_beside_many_holders,
    reserved_and_held_by_others,
]
#: What one more request may cost in the states that a range is in most of the time; those of exhausted come in pairs.
COST_MAX: dict[Callable[[int], Obj], int] = {waiting: 725, settled: 650, exhausted: 1_290, released: 580}


@pytest.mark.parametrize(
    "body",
    [
        waiting,
        waiting_under_round_robin,
        settled,
        settled_in_slices_of_their_own,
        empty_slices,
        exhausted,
        limited_by_a_quota,
        waiting_beside_reserved_addresses,
        exhausted_and_cooling_down,
        dedicated_in_many_intervals,
        dedicated_by_index_in_many_intervals,
        dedicated_and_taken,
        reserved_for_requests,
        reserved_and_held_by_others,
        reserved_as_a_whole_over_many_holders,
        reserved_for_one_owner_of_all,
        recorded_on_hold,
        recorded_and_taken_on_hold,
        granted_instead_of_recorded,
        announced_in_many_parts,
        announced_on_hold,
        with_slips_and_idle_excludes,
        of_an_older_schema,
        with_a_malformed_request,
        released,
        released_to_cool_down,
        answered_released,
        absent,
        being_deleted,
        overlapped_by_many,
        overlapped_by_many_with_gaps_beside_many_holders,
    ],
    ids=lambda body: body.__name__,
)
def test_the_cost_of_a_call_grows_no_faster_than_its_body(body: Callable[[int], Obj]) -> None:
    small, large = cost_when_repeated(body(SMALL)), cost_when_repeated(body(LARGE))
    assert small > SMALL * 100, "the body does not lead to any work"
    assert large <= (GROWTH_MAX_OF_A_SEARCH if body in SEARCHES else GROWTH_MAX) * small


@pytest.mark.parametrize("body", COST_MAX, ids=lambda body: body.__name__)
def test_one_more_request_costs_little(body: Callable[[int], Obj]) -> None:
    more = cost_when_repeated(body(LARGE)) - cost_when_repeated(body(SMALL))
    assert more / (LARGE - SMALL) <= COST_MAX[body]
