"""Reservations: a reserved block waits for its holder, and no other request gets it or a part of it."""

import pytest

from tests.hooks.build import (
    ALL,
    CIDR,
    WEB,
    Obj,
    answer_item,
    at,
    entry,
    extent_object,
    put_on_hold,
    range_body,
    range_object,
    recording,
    request_object,
    showing,
    with_ledger,
)
from tests.hooks.calls import answer_once_committed, answers_of, ledger_of, messages_of, sync_range
from tests.hooks.reserving import controlled, reserving

SECOND = "10.0.0.16/28"
#: A range whose first block, which any request would get, is reserved for the request db.
RESERVING = reserving(range_object(), db=CIDR)
DB = request_object("db")


def for_service(cidr: str, name: str = "web", **holder: str) -> Obj:
    return {"cidr": cidr, "holder": {"kind": "Service", "name": name} | holder}


# --- who gets a reserved block


def test_a_reserved_block_is_allocated_to_its_holder_only() -> None:
    answer = sync_range(RESERVING, WEB, DB)

    assert ledger_of(answer) == {"db": CIDR, "web": SECOND}


def test_the_holder_is_served_whatever_is_served_before_it() -> None:
    answer = sync_range(reserving(range_object(CIDR), db=CIDR), WEB, request_object("db", created=at(-1)))

    assert ledger_of(answer) == {"db": CIDR}


def test_no_part_of_a_reserved_block_is_allocated_to_others() -> None:
    parent = reserving(range_object("10.0.0.0/27", chunk_size=32), db=CIDR)
    answer = sync_range(parent, WEB, request_object("large", size=27), request_object("part", wanted="10.0.0.5"))

    assert ledger_of(answer) == {"web": "10.0.0.16/32"}


def test_a_request_of_the_same_name_in_another_namespace_is_not_the_holder() -> None:
    parent = reserving(range_object(allowed=ALL), db=CIDR)
    answer = sync_range(parent, request_object("team-b/db", range_="team-a/net"))

    assert ledger_of(answer) == {"db": SECOND}


def test_the_namespace_of_a_holder_may_be_given() -> None:
    parent = reserving(
        range_object(allowed=ALL),
        {"cidr": CIDR, "holder": {"kind": "IPAMRequest", "namespace": "team-b", "name": "db"}},
    )
    answer = sync_range(parent, DB, request_object("team-b/db", range_="team-a/net", uid="uid-other"))

    assert [line["uid"] for line in answer["status"]["allocations"]] == ["uid-other", "uid-db"]


def test_a_block_is_reserved_for_the_requests_that_an_object_controls() -> None:
    parent = reserving(range_object(), for_service(CIDR))
    requests = [WEB, controlled(request_object("web-1a2b"), "Service", "web"), controlled(DB, "Deployment", "web")]

    assert ledger_of(sync_range(parent, *requests))["web-1a2b"] == CIDR


def test_an_owner_that_is_not_the_controller_is_not_the_holder() -> None:
    owned = controlled(DB, "Service", "web")
    owned["metadata"]["ownerReferences"][0]["controller"] = False

    assert ledger_of(sync_range(reserving(range_object(), for_service(CIDR)), owned)) == {"db": SECOND}


def test_the_requests_of_one_object_share_its_reservations_and_the_others_are_served_as_usual() -> None:
    parent = reserving(range_object(), for_service(SECOND), for_service(CIDR))
    requests = [controlled(request_object(name, created=at(-9 + n)), "Service", "web") for n, name in enumerate("abc")]
    held = with_ledger(parent, entry("a", CIDR))

    assert ledger_of(sync_range(parent, *requests))["a"] == CIDR
    assert ledger_of(sync_range(held, *requests)) == {"a": CIDR, "b": SECOND}
    full = with_ledger(parent, entry("a", CIDR), entry("b", SECOND))
    assert ledger_of(sync_range(full, *requests))["c"] == "10.0.0.32/28"


def test_a_holder_may_ask_for_its_block() -> None:
    asking = request_object("db", wanted=CIDR)

    assert ledger_of(sync_range(RESERVING, asking)) == {"db": CIDR}


def test_a_holder_of_round_robin_gets_its_block_and_moves_no_cursor() -> None:
    answer = sync_range(reserving(range_object(mode="RoundRobin"), db="10.0.0.64/28"), DB)

    assert ledger_of(answer) == {"db": "10.0.0.64/28"}
    assert "roundRobin" not in answer["status"]


# --- refusals and messages


def test_a_request_for_a_reserved_block_waits_and_shows_the_holder() -> None:
    answer = sync_range(RESERVING, request_object("web", wanted=CIDR), request_object("part", wanted="10.0.0.5"))

    assert answers_of(answer) == {"web": ("Busy", ""), "part": ("Busy", "")}
    assert messages_of(answer) == {
        "web": f"{CIDR} is reserved for IPAMRequest team-a/db",
        "part": f"10.0.0.5/32 has addresses of {CIDR}, which is reserved for IPAMRequest team-a/db",
    }


def test_the_message_of_a_refusal_follows_an_edit_of_the_reservation() -> None:
    refused = answer_item("web", "Busy", reason="Reserved", message=f"{CIDR} is reserved for IPAMRequest team-a/other")
    answer = sync_range(RESERVING, request_object("web", wanted=CIDR), answers=[refused])

    assert messages_of(answer)["web"] == f"{CIDR} is reserved for IPAMRequest team-a/db"


def test_a_reservation_of_another_length_is_not_used_and_the_request_shows_why() -> None:
    body = range_body(RESERVING, request_object("db", size=30))
    answer = answer_once_committed(body)

    assert ledger_of(answer) == {"db": "10.0.0.16/30"}
    assert messages_of(answer) == {"db": f"{CIDR} is reserved for this request, but it asks for /30"}


def test_a_request_that_waits_for_room_shows_why_its_reservation_is_not_used() -> None:
    answer = sync_range(reserving(range_object("10.0.0.0/28"), db="10.0.0.0/30"), DB)

    assert messages_of(answer) == {
        "db": "no free /28 in team-a/net: waiting for room; "
        "10.0.0.0/30 is reserved for this request, but it asks for /28"
    }


def test_a_holder_waits_for_its_block_while_another_request_has_it() -> None:
    answer = sync_range(with_ledger(RESERVING, entry("web", CIDR)), WEB, DB)

    assert messages_of(answer)["db"] == (
        "waiting for a block that is reserved for this request: "
        f"{CIDR} is not free: it was held by team-a/web when last checked"
    )
    assert f"{CIDR} is reserved for IPAMRequest team-a/db, but was held by team-a/web" in answer["status"]["message"]


def test_a_released_block_is_kept_for_its_holder() -> None:
    parent = with_ledger(reserving(range_object(cooldown=60), db=CIDR), entry("web", CIDR, released_at=at(-70)))

    assert ledger_of(sync_range(parent, request_object("next"))) == {"next": SECOND}
    assert ledger_of(sync_range(parent, DB)) == {"db": CIDR}


def test_a_holder_of_another_block_keeps_it_and_the_range_shows_that() -> None:
    parent = with_ledger(RESERVING, entry("db", SECOND))
    answer = sync_range(parent, DB)

    assert ledger_of(answer) == {"db": SECOND}
    assert answer["status"]["message"] == (
        f"{CIDR} is reserved for IPAMRequest team-a/db, which keeps {SECOND} instead"
    )


def test_a_reservation_for_a_namespace_that_is_not_served_is_reported() -> None:
    parent = reserving(range_object(), for_service(CIDR, namespace="team-b"))

    assert sync_range(parent)["status"]["message"] == (
        f"{CIDR} is reserved for Service team-b/web, but its namespace is not allowed"
    )


def test_a_reservation_that_just_waits_or_is_met_is_not_reported() -> None:
    assert "message" not in sync_range(RESERVING)["status"]
    assert "message" not in sync_range(with_ledger(RESERVING, entry("db", CIDR)), DB)["status"]


# --- reservations that can't be used


@pytest.mark.parametrize(
    ("cidr", "reason"),
    [
        ("10.9.9.9", "10.9.9.9/32 is not wholly inside team-a/net"),
        ("10.0.0.192/26", "10.0.0.192/26 has a gateway, which is not allocated"),
        ("10.0.0.128/28", "10.0.0.128/28 has addresses that are excluded from team-a/net: 10.0.0.130"),
        ("2001:db8::1", "2001:db8::1/128 is IPv6, team-a/net is IPv4"),
        ("10.0.0.5/28", '"10.0.0.5/28" has host bits set: write 10.0.0.0/28, or 10.0.0.5 for the single address'),
        ("10.0.0.4/30", f"10.0.0.4/30 overlaps {CIDR}, which is reserved for IPAMRequest team-a/db"),
    ],
)
def test_a_reservation_that_is_wrong_is_ignored_and_the_others_count(cidr: str, reason: str) -> None:
    base = range_object(excludes=["10.0.0.130"], network={"gateway": "10.0.0.254"})
    parent = reserving(base, db=CIDR, other=cidr)
    answer = sync_range(parent, WEB, DB)

    assert answer["status"]["message"] == f"reservations[1] is ignored: {reason}"
    assert ledger_of(answer) == {"db": CIDR, "web": SECOND}


def test_a_reservation_without_a_holder_or_a_block_is_ignored() -> None:
    answer = sync_range(reserving(RESERVING, {"cidr": SECOND}, {}), DB)

    assert answer["status"]["message"] == (
        f"reservations[1] is ignored: {SECOND} has no holder, "
        'reservations[2] is ignored: "" is not an IP address, such as 10.0.0.5 or 2001:db8::5'
    )
    assert ledger_of(answer) == {"db": CIDR}


def test_a_larger_reservation_that_overlaps_an_earlier_one_is_ignored() -> None:
    answer = sync_range(reserving(range_object(), db="10.0.0.5", web="10.0.0.0/24"))

    assert answer["status"]["capacity"]["reserved"] == "1"


def test_all_reservations_may_be_removed_again() -> None:
    assert ledger_of(sync_range(range_object(), WEB)) == {"web": CIDR}
    held = with_ledger(range_object(), entry("db", CIDR))
    assert ledger_of(sync_range(held, WEB, DB)) == {"db": CIDR, "web": SECOND}


# --- numbers


def test_reserved_addresses_are_neither_free_nor_allocated() -> None:
    parent = reserving(range_object("10.0.0.0/26"), db=CIDR, other=SECOND, third="10.0.0.32/30")
    capacity = sync_range(with_ledger(parent, entry("web", "10.0.0.34/32")), DB, WEB)["status"]["capacity"]

    assert (capacity["total"], capacity["allocated"], capacity["reserved"], capacity["free"]) == (
        "64",
        "17",
        "19",
        "28",
    )
    assert capacity["room"] == "1 more /28"


def test_addresses_of_an_older_range_are_not_counted_twice() -> None:
    capacity = sync_range(RESERVING, extents=[], announced=[])["status"]["capacity"]

    assert (capacity["unavailable"], capacity.get("reserved")) == ("256", None)


# --- records and holds


def test_a_record_does_not_override_a_reservation() -> None:
    answer = answer_once_committed(range_body(RESERVING, recording(WEB, CIDR)))

    assert ledger_of(answer) == {"web": SECOND}
    assert messages_of(answer)["web"] == f"{CIDR} is not free: it is reserved for IPAMRequest team-a/db"


def test_a_record_overrides_a_reservation_while_the_range_is_on_hold() -> None:
    answer = sync_range(put_on_hold(RESERVING), recording(WEB, CIDR), DB)

    assert ledger_of(answer) == {"web": CIDR}
    assert answers_of(answer) == {"db": ("Busy", "")}


def test_a_published_block_overrides_a_reservation() -> None:
    assert ledger_of(sync_range(RESERVING, showing(WEB, CIDR), DB)) == {"web": CIDR}


def test_a_holder_that_records_another_block_gets_that_one_as_long_as_it_is_free() -> None:
    recorded = recording(DB, SECOND)

    assert ledger_of(sync_range(RESERVING, recorded)) == {"db": SECOND}
    taken = with_ledger(RESERVING, entry("web", SECOND))
    assert ledger_of(sync_range(taken, WEB, recorded)) == {"db": CIDR, "web": SECOND}
    outside = recording(DB, "10.9.9.0/28")
    assert ledger_of(sync_range(RESERVING, outside)) == {"db": CIDR}


def test_of_two_blocks_that_are_reserved_for_a_request_it_gets_the_one_that_it_records() -> None:
    both = reserving(RESERVING, {"cidr": SECOND, "holder": {"name": "db"}})

    assert ledger_of(sync_range(both, DB)) == {"db": CIDR}
    assert ledger_of(sync_range(both, recording(DB, SECOND))) == {"db": SECOND}
    taken = with_ledger(both, entry("web", SECOND))
    assert ledger_of(sync_range(taken, WEB, recording(DB, SECOND))) == {"db": CIDR, "web": SECOND}


# --- quotas, closed ranges, and addresses that are not allocated


def test_a_quota_applies_to_the_holder_and_a_reservation_alone_does_not_count() -> None:
    parent = reserving(range_object(quota={"addresses": 16}), db=CIDR, other=SECOND)

    assert ledger_of(sync_range(parent, DB)) == {"db": CIDR}
    answer = sync_range(with_ledger(parent, entry("web", "10.0.0.32/28")), WEB, DB)
    assert ledger_of(answer) == {"web": "10.0.0.32/28"}
    assert messages_of(answer)["db"] == (
        "waiting for a block that is reserved for this request: 16 more addresses would exceed the quota of"
        " namespace team-a (16): it held 16 when last checked"
    )


def test_a_holder_uses_the_quota_before_older_requests() -> None:
    parent = reserving(range_object(quota={"addresses": 16}), db=CIDR)

    assert ledger_of(sync_range(parent, WEB, request_object("db", created=at(-1)))) == {"db": CIDR}


def test_the_holder_gets_the_reserved_block_that_it_records_beyond_the_quota() -> None:
    parent = reserving(range_object(quota={"addresses": 0}), db=CIDR)
    assert ledger_of(sync_range(parent, recording(DB, CIDR))) == {"db": CIDR}


def test_a_record_comes_before_an_index_whose_block_is_reserved_for_another_request() -> None:
    answer = sync_range(reserving(range_object(), web=CIDR), recording(request_object("db", wanted="0/28"), SECOND))
    assert ledger_of(answer) == {"db": SECOND}


def test_a_closed_range_grants_no_reserved_block() -> None:
    answer = sync_range(reserving(range_object(closed=True), db=CIDR), DB)

    assert ledger_of(answer) == {}
    assert messages_of(answer) == {"db": "range team-a/net is closed: it allocates no new blocks"}


def test_a_reservation_of_an_address_that_a_network_reserves_is_ignored() -> None:
    base = range_object(chunk_size=32, network={"prefixLength": 24})
    answer = sync_range(reserving(base, db="10.0.0.0", web="10.0.0.1"), DB, WEB)

    assert ledger_of(answer) == {"db": "10.0.0.2/32", "web": "10.0.0.1/32"}
    ignored = "reservations[0] is ignored: 10.0.0.0/32 is the network address of 10.0.0.0/24"
    assert answer["status"]["message"].startswith(ignored)


@pytest.mark.parametrize(("wanted", "excludes"), [("10.0.0.0", []), ("10.0.0.0/27", ["10.0.0.20"])])
def test_a_block_that_is_never_allocated_is_invalid_although_a_part_is_reserved(
    wanted: str, excludes: list[str]
) -> None:
    """It would wait in vain."""
    base = range_object(excludes=excludes, network={"prefixLength": 24})
    answer = sync_range(reserving(base, db=CIDR), request_object("web", wanted=wanted))

    assert answers_of(answer) == {"web": ("Invalid", "")}


def test_a_reserved_block_may_have_the_ends_of_a_network() -> None:
    base = range_object(chunk_size=32, network={"prefixLength": 24})
    large = request_object("db", size=28)
    answer = sync_range(reserving(base, db=CIDR), large, WEB)

    assert ledger_of(answer) == {"db": CIDR, "web": "10.0.0.16/32"}
    assert sync_range(reserving(base, db=CIDR), WEB)["status"]["capacity"]["reserved"] == "16"


def test_a_reservation_is_ignored_once_its_addresses_are_retired() -> None:
    answer = sync_range(reserving(range_object(excludes=[CIDR]), db=CIDR), DB)

    assert ledger_of(answer) == {"db": SECOND}
    assert "reservations[0] is ignored: 10.0.0.0/28 has addresses that are excluded" in answer["status"]["message"]


def test_a_reservation_of_a_former_gateway_is_ignored() -> None:
    base = with_ledger(range_object(chunk_size=32), entry("web", "10.0.0.1/32"))
    base["status"]["gateways"] = ["10.0.0.9"]
    shown = showing(WEB, "10.0.0.1/32")
    shown["status"]["network"] = {"gateway": "10.0.0.9"}
    answer = sync_range(reserving(base, db="10.0.0.9"), shown, DB)

    assert ledger_of(answer) == {"web": "10.0.0.1/32", "db": "10.0.0.0/32"}
    assert (
        answer["status"]["message"] == "reservations[0] is ignored: 10.0.0.9/32 has a gateway, which is not allocated"
    )


def test_a_former_block_that_is_retired_comes_before_a_reservation_and_both_are_granted() -> None:
    parent = reserving(range_object(excludes=[SECOND]), db=CIDR)

    extents = [extent_object("10.0.0.0-10.0.0.255")]

    assert ledger_of(sync_range(parent, showing(WEB, SECOND), DB, extents=extents)) == {"db": CIDR, "web": SECOND}


@pytest.mark.parametrize("mode", ["BestFit", "FirstFit", "RoundRobin"])
def test_other_requests_get_the_blocks_behind_a_reserved_one_in_each_mode(mode: str) -> None:
    answer = sync_range(reserving(range_object(mode=mode), db=CIDR), WEB, DB)

    assert ledger_of(answer) == {"db": CIDR, "web": SECOND}
    assert answer["status"].get("roundRobin") == ({"28": "10.0.0.32"} if mode == "RoundRobin" else None)


def test_a_holder_on_hold_without_a_record_waits() -> None:
    assert answers_of(sync_range(put_on_hold(RESERVING), DB)) == {"db": ("Busy", "")}
