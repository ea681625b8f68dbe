"""Hooks in a loop: ranges and requests from creation to rest and deletion, and rule S6: at rest, nothing is written."""

from itertools import permutations
from random import Random
from typing import Any

import pytest

from hooks.api.names import REQUEST_FINALIZER
from tests.hooks.build import (
    WEB,
    Obj,
    answer_item,
    at,
    entry,
    noisy,
    range_body,
    range_object,
    request_object,
    slice_object,
    with_ledger,
)
from tests.hooks.calls import answer_to, condition, post, sync_range
from tests.hooks.single_range import SingleRange


def test_the_request_of_the_issue_gets_the_first_block() -> None:
    loop = SingleRange(range_object("192.168.0.0/16", chunk_size=24))
    loop.create(request_object("mynet"))
    loop.run()
    assert loop.cidrs() == {"mynet": "192.168.0.0/24"}
    assert loop.requests["mynet"]["status"]["state"] == "Ready"
    assert loop.requests["mynet"]["metadata"]["annotations"]["ipam.mandelsoft.org/cidr"] == "192.168.0.0/24"


def test_one_call_of_the_range_commits_a_grant_and_the_next_one_publishes_it() -> None:
    loop = SingleRange()
    loop.create(WEB)
    loop.sync_range()
    assert (loop.ledger(), loop.slices) == ({"web": "10.0.0.0/28"}, {})
    loop.sync_range()
    assert [[item["state"] for item in each["spec"]["answers"]] for each in loop.slices.values()] == [["Ready"]]


def test_a_waiting_request_is_served_when_a_block_is_released() -> None:
    loop = SingleRange(range_object("10.0.0.0/27"))
    loop.create(*(request_object(name, created=at(-60 + n)) for n, name in enumerate(("one", "two", "three"))))
    loop.run()
    assert loop.cidrs() == {"one": "10.0.0.0/28", "two": "10.0.0.16/28", "three": ""}
    assert loop.requests["three"]["status"]["state"] == "Busy"
    assert loop.requests["three"]["status"]["message"] == "no free /28 in team-a/net: waiting for room"
    loop.delete("one")
    loop.run()
    assert loop.cidrs() == {"two": "10.0.0.16/28", "three": "10.0.0.0/28"}


def test_256_requests_fill_a_range_and_the_257th_is_served_after_one_deletion() -> None:
    loop = SingleRange(range_object("192.168.0.0/16", chunk_size=24))
    loop.create(*(request_object(f"r{number:03}") for number in range(257)))
    loop.run()
    assert [loop.cidrs()[f"r{number:03}"] for number in range(256)] == [f"192.168.{n}.0/24" for n in range(256)]
    assert loop.requests["r256"]["status"]["state"] == "Busy"
    loop.delete("r017")
    loop.run()
    assert loop.cidrs()["r256"] == "192.168.17.0/24"


EXAMPLE = range_object("10.0.0.5-10.0.0.20", "10.0.1.0/28", "10.0.2.7", chunk_size=None)
BLOCK_OF = {28: "10.0.1.0/28", 29: "10.0.0.8/29", 30: "10.0.0.16/30", 31: "10.0.0.6/31", 32: "10.0.0.5/32"}


@pytest.mark.parametrize("sizes", list(permutations(BLOCK_OF))[::7], ids=lambda sizes: "-".join(map(str, sizes)))
def test_the_fragments_of_the_issue_give_each_size_its_block_in_any_order_of_creation(sizes: tuple[int, ...]) -> None:
    loop = SingleRange(EXAMPLE)
    for size in sizes:
        loop.create(request_object(f"r{size}", size=size))
        loop.sync_range()
    loop.run()
    assert loop.cidrs() == {f"r{size}": BLOCK_OF[size] for size in sizes}


def test_a_deleted_range_waits_for_its_requests_and_nothing_leaks() -> None:
    loop = SingleRange()
    loop.create(request_object("one"), request_object("two"))
    loop.run()
    loop.delete_range()
    loop.run()
    assert loop.range
    assert loop.range["status"]["state"] == "Deleting"
    assert loop.range["status"]["message"] == "waiting for 2 requests: team-a/one, team-a/two"
    assert loop.cidrs() == {"one": "10.0.0.0/28", "two": "10.0.0.16/28"}
    loop.create(request_object("late"))
    loop.run()
    assert loop.requests["late"]["status"]["state"] == "Invalid"
    assert loop.requests["late"]["status"]["message"] == (
        "range team-a/net is being deleted: create a request for another range"
    )
    loop.delete("one", "two")
    loop.run()
    assert loop.state()[0] is None
    loop.delete("late")
    loop.run()
    loop.wait(10)
    loop.run()
    assert loop.state() == (None, {}, {}, [])


def test_a_range_without_requests_is_deleted_at_once() -> None:
    loop = SingleRange()
    loop.run()
    loop.delete_range()
    loop.run()
    assert loop.range is None


def test_creating_and_deleting_in_a_loop_leaks_nothing() -> None:
    random = Random(7)
    loop = SingleRange(range_object("10.0.0.0/26"))
    for number in range(60):
        loop.create(request_object(f"r{number}"))
        for _ in range(random.randrange(3)):
            loop.sync_range()
        alive = [name for name, each in loop.requests.items() if "deletionTimestamp" not in each["metadata"]]
        loop.delete(*random.sample(alive, k=random.randint(0, len(alive))))
        if random.random() < 0.5:
            loop.sync_request(random.choice(sorted(loop.requests)))
    loop.delete(*(name for name, each in loop.requests.items() if "deletionTimestamp" not in each["metadata"]))
    loop.run()
    assert (loop.requests, loop.ledger()) == ({}, {})
    assert not any(each["spec"]["answers"] for each in loop.slices.values())
    loop.wait(600)
    loop.run()
    assert loop.slices == {}


def test_a_request_with_a_foreign_finalizer_keeps_its_block_until_that_is_removed() -> None:
    loop = SingleRange()
    loop.create(request_object("web", finalizers=(REQUEST_FINALIZER, "example.com/other")))
    loop.run()
    loop.delete("web")
    loop.run()
    assert loop.ledger() == {"web": "10.0.0.0/28"}
    loop.requests["web"]["metadata"]["finalizers"].remove("example.com/other")
    loop.run()
    assert (loop.ledger(), loop.requests) == ({}, {})


def test_a_request_with_the_same_name_and_another_uid_is_another_request() -> None:
    loop = SingleRange()
    loop.create(request_object("web", uid="first"))
    loop.run()
    loop.create(request_object("web", uid="second"))
    loop.run()
    held = loop.range["status"]["allocations"] if loop.range else []
    assert [(line["uid"], line["cidr"]) for line in held] == [("first", "10.0.0.0/28"), ("second", "10.0.0.16/28")]
    assert held[0]["absentSince"] == at(0)


# --- S6: same input, same output ------------------------------------------------------------------------------------


def a_busy_loop() -> SingleRange:
    """At rest, with holders, an absent one, requests that wait, are refused, or are being deleted."""
    loop = SingleRange(range_object("10.0.0.0/26"))
    names = ("a", "b", "c", "d", "e", "f")
    loop.create(*(noisy(request_object(name)) for name in names), request_object("wrong", size=99))
    loop.run()
    del loop.requests["b"]
    loop.requests["c"]["metadata"]["finalizers"].append("example.com/other")
    loop.delete("c", "d")
    return loop


def shuffled(value: Any, random: Random, *, lists: bool) -> Any:
    """The same JSON with its maps, and its lists of finalizers, in another order."""
    if isinstance(value, dict):
        items = [(key, shuffled(each, random, lists=key == "finalizers")) for key, each in value.items()]
        random.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        changed = [shuffled(each, random, lists=False) for each in value]
        if lists:
            random.shuffle(changed)
        return changed
    return value


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_a_body_does_not_change_a_byte_of_the_answer(seed: int) -> None:
    body = a_busy_loop().body()
    random = Random(seed)
    assert post("/ipamrange/sync", shuffled(body, random, lists=False)).data == post("/ipamrange/sync", body).data


def test_objects_that_cannot_be_read_do_not_make_the_answer_depend_on_their_order() -> None:
    broken: list[Obj] = [slice_object(answer_item(f"r{number}"), name=f"r{number}") for number in range(6)]
    for each in broken:
        each["spec"]["answers"][0]["state"] = 7
    requests: list[Obj] = [request_object(f"q{number}") for number in range(6)]
    for request in requests:
        request["metadata"]["finalizers"] = "none"
    one = post("/ipamrange/sync", range_body(range_object(), *requests, slices=broken))
    other = post("/ipamrange/sync", range_body(range_object(), *requests[::-1], slices=broken[::-1]))
    assert one.status_code == 200
    assert one.data == other.data


def test_the_same_call_twice_gets_the_same_answer() -> None:
    body = a_busy_loop().body()
    assert post("/ipamrange/sync", body).data == post("/ipamrange/sync", body).data


def test_fields_that_are_not_read_do_not_change_the_answer() -> None:
    parent = with_ledger(range_object(), entry("a", "10.0.0.0/28"))
    requests = [request_object("a"), request_object("b")]
    slice_ = slice_object(answer_item("a", cidr="10.0.0.0/28", revision=1))
    plain = sync_range(parent, *requests, slices=[slice_])
    assert sync_range(noisy(parent), *map(noisy, requests), slices=[noisy(slice_)]) == plain


def test_a_call_at_rest_changes_nothing_and_writes_nothing() -> None:
    loop = a_busy_loop()
    loop.run()
    assert loop.range
    answer = answer_to(loop.body())
    assert answer["status"] == loop.range["status"]
    existing = [*loop.slices.values(), *loop.extents]
    assert {child["metadata"]["name"]: child["spec"] for child in answer["children"]} == {
        each["metadata"]["name"]: each["spec"] for each in existing
    }
    assert answer["resyncAfterSeconds"] == 300


def test_time_alone_changes_nothing_at_rest() -> None:
    """Conditions keep their times and marks stay, so that no call writes only because time has passed."""
    loop = a_busy_loop()
    loop.run()
    loop.wait(86_400)
    assert loop.run() == 1


def test_the_time_of_a_condition_changes_only_with_its_status() -> None:
    loop = SingleRange(range_object("10.0.0.0/28"))
    loop.create(request_object("one", created=at(-60)), request_object("two", created=at(-50)))
    loop.run()
    busy = condition(loop.requests["two"]["status"])
    assert (busy["status"], busy["lastTransitionTime"]) == ("False", at(0))
    loop.wait(100)
    loop.delete("one")
    loop.run()
    ready = condition(loop.requests["two"]["status"])
    assert (ready["status"], ready["lastTransitionTime"]) == ("True", at(100))
