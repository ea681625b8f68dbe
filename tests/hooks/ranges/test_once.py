"""One call of a range reads each text and each object once: values keep what was read."""

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from hooks.api.names import REQUEST_KEY
from hooks.protocol import decoding
from hooks.ranges import occupancy
from ipam import address
from tests.hooks.build import (
    NOW,
    Obj,
    answer_item,
    at,
    deleted,
    entry,
    extent_object,
    range_body,
    range_object,
    request_object,
    with_ledger,
)
from tests.hooks.calls import answer_to

GATEWAY = "10.0.0.254"
HELD = {f"r{index}": f"10.0.0.{16 * index}/28" for index in range(6)}
POOL = "10.0.0.0-10.0.0.253"


def busy_body() -> Obj:
    """A call with everything: held, cooling, released and absent entries, waiting requests, and extents."""
    lines = [entry(name, cidr) for name, cidr in HELD.items()]
    lines[2] |= {"releasedAt": at(-5)}
    parent = with_ledger(range_object(cooldown=60, network={"gateway": GATEWAY}), *lines, revision=3)
    own, older = extent_object(POOL, version=9), extent_object("10.0.0.192/26", version=3, range_="other")
    requests = [request_object("r0"), deleted(request_object("r1")), request_object("r4"), request_object("r5")]
    requests += [request_object(f"n{index}", wanted=f"10.0.0.{16 * index}/28") for index in range(12)]
    answers = [answer_item(name, cidr=cidr, revision=1) for name, cidr in HELD.items()]
    listed = own | {"origin": "the list of the domain"}  # so that its bytes differ from those of the child
    return range_body(parent, *requests, answers=answers, announced=[own], extents=[listed, older])


def replace_everywhere(
    monkeypatch: pytest.MonkeyPatch, original: Callable[..., Any], double: Callable[..., Any]
) -> None:
    """Replace a function in every module that has imported it by name."""
    for module in list(sys.modules.values()):
        for name, value in list(vars(module).items()) if module else ():
            if value is original and getattr(module, "__name__", "").startswith(("hooks", "ipam")):
                monkeypatch.setattr(module, name, double)


@pytest.mark.parametrize(
    ("function", "expected"),
    [(address.read_prefix, set(HELD.values())), (address.parse_address, {GATEWAY})],
    ids=["blocks of the ledger", "the gateway"],
)
def test_no_text_is_parsed_twice(
    monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], expected: set[str]
) -> None:
    counts: Counter[str] = Counter()

    def counted(text: str, *others: str) -> Any:
        counts[text] += 1
        return function(text, *others)

    replace_everywhere(monkeypatch, function, counted)
    answer = answer_to(busy_body())

    assert answer["status"]["state"] == "Ready"
    assert expected <= counts.keys()
    assert {text: counts[text] for text in expected} == dict.fromkeys(expected, 1)


@pytest.mark.parametrize("is_malformed", [False, True], ids=["all readable", "one malformed"])
def test_no_object_is_decoded_twice(monkeypatch: pytest.MonkeyPatch, *, is_malformed: bool) -> None:
    """Neither extents of the domain, nor slices, nor requests; these are decoded one by one only if one is malformed.

    Only an own extent is: as what it means, and as plain JSON to be returned as it was written.
    """
    body = busy_body()
    request_count = len(body["related"][REQUEST_KEY])
    if is_malformed:
        body["related"][REQUEST_KEY]["team-a/malformed"] = 5
    counts: Counter[bytes] = Counter()

    class Counting:
        def __init__(self, decoder: Any) -> None:
            self._decoder = decoder

        def decode(self, raw: Any) -> Any:
            counts[bytes(raw)] += 1
            return self._decoder.decode(raw)

    def decode(raw: Any, **options: Any) -> Any:
        counts[bytes(raw)] += 1
        return plain(raw, **options)

    plain = msgspec.json.decode
    decoders = {each: Counting(decoder) for each, decoder in decoding._DECODERS.items()}
    monkeypatch.setattr(decoding, "_DECODERS", decoders)
    monkeypatch.setattr(msgspec.json, "decode", decode)
    answer_to(body)

    objects = {raw: count for raw, count in counts.items() if b'"apiVersion"' in raw and b'"parent"' not in raw}
    assert len([raw for raw in objects if b"IPAMExtent" in raw]) == 3
    requests = [raw for raw in objects if b'"kind": "IPAMRequest"' in raw]
    assert len(requests) == (request_count if is_malformed else 0)
    twice = [raw for raw, count in objects.items() if count == 2]
    assert [b"IPAMExtent" in raw and b'"origin"' not in raw for raw in twice] == [True]
    assert set(objects.values()) == {1, 2}


def test_unavailable_addresses_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: Counter[str] = Counter()
    unavailable, cooling = occupancy._unavailable, occupancy.CoolingDown

    def counted_unavailable(*arguments: Any) -> Any:
        counts["unavailable"] += 1
        return unavailable(*arguments)

    def counted_cooling(*arguments: Any) -> Any:
        counts["cooling"] += 1
        return cooling(*arguments)

    monkeypatch.setattr(occupancy, "_unavailable", counted_unavailable)
    monkeypatch.setattr(occupancy, "CoolingDown", counted_cooling)
    answer = answer_to(busy_body(), NOW)

    assert "cooling down" in answer["status"]["message"]
    assert "overlaps" in answer["status"]["message"]
    # r1 is released in this call; r2 was cooling down before.
    assert counts == {"unavailable": 2, "cooling": 2}  # of the pool, and of the retired addresses
