"""How much a slice takes, and what waits for room in it."""

import json
from itertools import islice
from typing import Any
from zlib import crc32

import pytest

from hooks.api.names import SLOTS
from hooks.ranges import placement
from tests.hooks.build import (
    CIDR,
    Obj,
    answer_item,
    at,
    deleted,
    entry,
    range_object,
    recording,
    request_object,
    slice_name_for,
    slice_object,
    with_ledger,
)
from tests.hooks.calls import condition, items_of, slices_of, sync_range

HELD = with_ledger(range_object(), entry("web", CIDR), revision=3)
#: Nothing is granted by a range with this spec, so that a call publishes only what its ledger says.
IDLE = with_ledger(range_object(chunk_size=99), revision=3)
READY = answer_item("web", cidr=CIDR, revision=3)
OLD = at(-601)


def in_one_slice(count: int, name_length: int = 8, **fields: Any) -> list[Obj]:
    """Requests that are answered in the same slice, sorted by uid."""
    numbers = (number for number in range(9 * count) if crc32(f"{number:05}".encode()) % SLOTS == 0)
    texts = [f"{number:05}" for number in islice(numbers, count)]
    return [request_object(f"{text:r>{name_length}}", uid=text, **fields) for text in texts]


def holding(requests: list[Obj], **fields: Any) -> Obj:
    """A range whose ledger has a single address for each of these requests."""
    lines = [
        {"cidr": f"10.0.{index >> 8}.{index & 255}/32", "request": f"team-a/{meta['name']}", "uid": meta["uid"]}
        for index, meta in enumerate(each["metadata"] for each in requests)
    ]
    return with_ledger(range_object("10.0.0.0/16", chunk_size=None, **fields), *lines)


def uids_of(objects: list[Obj]) -> list[str]:
    return [each.get("uid") or each["metadata"]["uid"] for each in objects]


def encoded_size(items: list[Obj]) -> int:
    return len(json.dumps(items, separators=(",", ":")))


def test_a_slice_takes_1000_items_and_the_others_wait_in_order_of_uids() -> None:
    requests = in_one_slice(1_006)
    answer = sync_range(holding(requests), *requests)
    (slice_,) = slices_of(answer)
    assert uids_of(slice_["spec"]["answers"]) == uids_of(requests[:1_000])
    delayed = condition(answer["status"], "AnswersDelayed")
    assert (delayed["status"], delayed["reason"]) == ("True", "SliceFull")
    assert delayed["message"] == (
        "6 requests wait for a place in a full slice: create fewer requests in one second, or use shorter names"
    )
    assert delayed["message"] in answer["status"]["message"]
    assert answer["status"]["state"] == "Ready"
    assert answer["resyncAfterSeconds"] == 10


def test_a_slice_takes_another_answer_when_one_is_dropped() -> None:
    requests = in_one_slice(1_001)
    full = slices_of(sync_range(holding(requests), *requests))[0]["spec"]["answers"]
    parent = holding(requests)
    del parent["status"]["allocations"][0]
    after = sync_range(parent, *requests[1:], slices=[slice_object(*full, name=slice_name_for(requests[0]))])
    assert uids_of(items_of(after)) == uids_of(requests[1:])
    assert not condition(after["status"], "AnswersDelayed")


@pytest.mark.parametrize("name_length", [5, 250], ids=["by number", "by bytes"])
def test_a_release_of_a_request_that_waits_has_room_in_a_full_slice(name_length: int) -> None:
    """Otherwise its request could not be deleted before another one is."""
    requests = in_one_slice(1_030, name_length=name_length)
    full = slices_of(sync_range(holding(requests), *requests))[0]["spec"]["answers"]
    parent = holding(requests[:-1])
    parent["status"]["released"] = uids_of(requests[-1:])
    existing = slice_object(*full, name=slice_name_for(requests[0]))
    after = items_of(sync_range(parent, *requests[:-1], deleted(requests[-1]), slices=[existing]))
    assert set(uids_of(after)) > set(uids_of(full))
    assert (after[-1]["uid"], after[-1]["state"]) == (requests[-1]["metadata"]["uid"], "Released")


def test_a_slice_is_bounded_by_bytes_and_has_room_for_a_grant_of_each_request() -> None:
    """Metacontroller writes each slice a second time into an annotation, which may have 256 KiB."""
    requests = in_one_slice(1_000, name_length=200, size=99)
    network = {"gateway": "10.0.255.254", "dnsServers": [f"2001:db8:0:0:0:0:0:{number}" for number in range(8)]}
    answer = sync_range(range_object("10.0.0.0/16", network=network), *requests)
    items = items_of(answer)
    assert uids_of(items) == uids_of(requests[: len(items)])
    assert condition(answer["status"], "AnswersDelayed")["message"].startswith(f"{1_000 - len(items)} requests wait")
    assert 100_000 < encoded_size(items) < placement.BYTES_FOR_NEW_ITEMS_MAX
    granted = items_of(sync_range(holding(requests, network=network), *requests, answers=items))
    assert {item["state"] for item in granted} == {"Ready"}
    assert set(uids_of(items)) < set(uids_of(granted))
    assert 150_000 < encoded_size(granted) < placement.BYTES_FOR_NEW_ITEMS_MAX


def test_items_that_exist_stay_even_beyond_the_bounds() -> None:
    requests = in_one_slice(1_000, name_length=250)
    items = [
        answer_item(each["metadata"]["name"], uid=each["metadata"]["uid"], cidr=f"10.0.{n >> 8}.{n & 255}/32")
        for n, each in enumerate(requests)
    ]
    assert encoded_size(items) > placement.BYTES_MAX
    assert items_of(sync_range(holding(requests), *requests, answers=items)) == items


def test_a_change_that_does_not_fit_waits_and_one_that_makes_a_slice_shorter_does_not() -> None:
    requests = in_one_slice(1_000, name_length=250)
    requests[::2] = [recording(each, "x" * 200) for each in requests[::2]]  # which their answers mention
    refused = [
        answer_item(each["metadata"]["name"], "Busy", uid=each["metadata"]["uid"], message="x" * (200 * (number % 2)))
        for number, each in enumerate(requests)
    ]
    answer = sync_range(holding(requests), *requests, answers=refused)
    assert [item["state"] for item in items_of(answer)] == ["Busy", "Ready"] * 500
    assert condition(answer["status"], "AnswersDelayed")["message"].startswith("500 requests wait")


@pytest.mark.parametrize("text", ["<", "&", "\u2028"])
def test_the_size_of_an_item_is_that_of_metacontroller_which_escapes_some_characters(text: str) -> None:
    requests = in_one_slice(600, wanted=text * 150)
    plain = items_of(sync_range(range_object(), *in_one_slice(600, wanted="x" * 150)))
    escaped = items_of(sync_range(range_object(), *requests))
    assert len(escaped) < len(plain)
    as_go_writes = json.dumps(escaped, ensure_ascii=False, separators=(",", ":"))
    for character in ("<", "&", "\u2028"):
        as_go_writes = as_go_writes.replace(character, f"\\u{ord(character):04x}")
    assert len(as_go_writes.encode()) < placement.BYTES_FOR_NEW_ITEMS_MAX


def test_a_slice_of_the_largest_ready_items_can_publish_all_releases() -> None:
    """Each update is a little longer, and none must wait for another one."""
    requests = in_one_slice(1_000, name_length=112)
    ready = items_of(sync_range(holding(requests), *requests))
    assert placement.BYTES_FOR_NEW_ITEMS_MAX - 1_000 < encoded_size(ready) < placement.BYTES_FOR_NEW_ITEMS_MAX
    parent = with_ledger(range_object("10.0.0.0/16", chunk_size=None), revision=10**12)
    parent["status"]["released"] = uids_of(requests)
    answer = sync_range(parent, *map(deleted, requests), answers=ready)
    assert {item["state"] for item in items_of(answer)} == {"Released"}
    assert uids_of(items_of(answer)) == uids_of(ready)
