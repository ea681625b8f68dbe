"""A range whose spec was edited: what was allocated stays, and the edit decides about everything after it."""

import copy

import pytest

from tests.hooks.build import (
    ALL,
    NAMESPACE,
    Obj,
    answer_item,
    deleted,
    entry,
    extent_object,
    namespace_object,
    put_on_hold,
    range_object,
    recording,
    request_object,
    showing,
    with_ledger,
)
from tests.hooks.calls import answers_of, customize_range, items_of, ledger_of, messages_of, sync_range


def edited(range_: Obj, **fields: object) -> Obj:
    """A range whose spec was changed after its status was written."""
    changed = copy.deepcopy(range_)
    changed["spec"] |= fields
    changed["metadata"]["generation"] += 1
    return changed


WEB, DB = request_object("web"), request_object("db", created="2026-11-23T19:59:30Z")
HELD = with_ledger(range_object("10.0.0.0/28", chunk_size=32), entry("web", "10.0.0.5/32"))
READY = answer_item("web", cidr="10.0.0.5/32", revision=1)


def condition(answer: dict[str, object], kind: str) -> tuple[str, str] | None:
    status = answer["status"]
    assert isinstance(status, dict)
    return next(((each["status"], each["message"]) for each in status["conditions"] if each["type"] == kind), None)


# --- the fence


def test_an_edit_alone_is_a_change_of_the_ledger() -> None:
    answer = sync_range(edited(HELD, description="for machines"), WEB, answers=[READY])
    assert (answer["status"]["revision"], answer["status"]["observedGeneration"]) == (2, 2)
    assert ledger_of(answer) == {"web": "10.0.0.5/32"}


def test_a_ledger_that_shows_the_edit_stays_as_it_is() -> None:
    answer = sync_range(HELD, WEB, answers=[READY])
    assert (answer["status"]["revision"], answer["status"]["observedGeneration"]) == (1, 1)


# --- retired addresses


def test_a_holder_of_a_retired_address_keeps_it_and_is_named() -> None:
    answer = sync_range(edited(HELD, excludes=["10.0.0.4/30"]), showing(WEB, "10.0.0.5/32"), DB, answers=[READY])
    assert ledger_of(answer) == {"web": "10.0.0.5/32", "db": "10.0.0.0/32"}
    assert answers_of(answer)["web"] == ("Ready", "10.0.0.5/32")
    assert answer["status"]["retired"] == {"addresses": "4", "held": "1"}
    held = "1 of 4 retired addresses are still held, by team-a/web (10.0.0.5/32)"
    assert condition(answer, "Drained") == ("False", held)
    assert held in answer["status"]["message"]
    assert condition(answer, "Consistent") is None
    assert answer["status"]["capacity"]["total"] == "12"
    assert answer["status"]["capacity"]["allocated"] == "1"


def test_drained_is_true_with_the_release_of_the_last_holder() -> None:
    range_ = with_ledger(range_object(excludes=["10.0.0.4/30"], chunk_size=32), entry("web", "10.0.0.5/32"))
    answer = sync_range(range_, deleted(WEB), answers=[READY])
    assert ledger_of(answer) == {}
    assert condition(answer, "Drained") == ("True", "")
    assert answer["status"]["retired"] == {"addresses": "4", "held": "0"}


def test_a_retired_block_that_is_cooling_down_still_counts_as_held() -> None:
    range_ = with_ledger(
        range_object(excludes=["10.0.0.4/30"], chunk_size=32, cooldown=600), entry("web", "10.0.0.5/32")
    )
    answer = sync_range(range_, deleted(WEB), answers=[READY])
    assert answer["status"]["retired"] == {"addresses": "4", "held": "1"}


def test_an_exclude_that_is_taken_back_makes_its_addresses_free() -> None:
    range_ = with_ledger(range_object("10.0.0.0/31", excludes=["10.0.0.0"], chunk_size=32), revision=3)
    opened = edited(range_, excludes=[])
    extents = [extent_object("10.0.0.0-10.0.0.1")]
    assert ledger_of(sync_range(opened, WEB, extents=extents)) == {"web": "10.0.0.0/32"}


def test_a_range_without_excludes_shows_nothing_about_retired_addresses() -> None:
    answer = sync_range(HELD, WEB, answers=[READY])
    assert "retired" not in answer["status"]
    assert condition(answer, "Drained") is None


def test_a_block_that_lies_partly_in_retired_addresses_is_held() -> None:
    range_ = with_ledger(range_object("10.0.0.0/24"), entry("web", "10.0.0.16/28"))
    answer = sync_range(edited(range_, excludes=["10.0.0.20-10.0.0.40"]), WEB)
    assert answer["status"]["retired"] == {"addresses": "21", "held": "12"}


# --- closed ranges


def test_a_closed_range_grants_nothing_and_says_so() -> None:
    answer = sync_range(edited(HELD, closed=True), showing(WEB, "10.0.0.5/32"), DB, answers=[READY])
    assert ledger_of(answer) == {"web": "10.0.0.5/32"}
    assert answers_of(answer)["db"] == ("Busy", "")
    assert messages_of(answer)["db"] == "range team-a/net is closed: it allocates no new blocks"
    assert condition(answer, "Ready") == ("True", "closed: no new block is allocated")
    assert answer["status"]["retired"] == {"addresses": "16", "held": "1"}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("10.0.0.5/32", "10.0.0.5/32 is recorded, and is allocated only while the range is on hold"),
        ("10.0.0.4/30", "10.0.0.4/30 is recorded, but the spec asks for /32"),
    ],
)
def test_a_closed_range_says_why_a_recorded_block_is_not_allocated(record: str, reason: str) -> None:
    closed = range_object("10.0.0.0/28", chunk_size=32, closed=True)
    answer = sync_range(closed, recording(DB, record))
    assert messages_of(answer)["db"] == f"range team-a/net is closed: it allocates no new blocks; {reason}"


def test_a_closed_range_returns_what_a_request_shows() -> None:
    """Its range was lost and created again."""
    range_ = with_ledger(range_object("10.0.0.0/28", chunk_size=32, closed=True), revision=1)
    assert ledger_of(sync_range(range_, showing(WEB, "10.0.0.5/32"))) == {"web": "10.0.0.5/32"}


# --- returns


RESTORED = with_ledger(
    put_on_hold(range_object("10.0.0.0/28", chunk_size=32, excludes=["10.0.0.4/30"])), on_hold=True, revision=1
)
ANNOUNCED = [extent_object("10.0.0.0-10.0.0.15")]


def test_on_hold_a_retired_address_is_returned_to_the_request_that_records_it() -> None:
    answer = sync_range(RESTORED, recording(WEB, "10.0.0.5/32"), extents=ANNOUNCED)
    assert ledger_of(answer) == {"web": "10.0.0.5/32"}


def test_of_two_requests_that_record_a_retired_address_the_older_one_gets_it() -> None:
    requests = (recording(DB, "10.0.0.5/32"), recording(WEB, "10.0.0.5/32"))
    assert ledger_of(sync_range(RESTORED, *requests, extents=ANNOUNCED)) == {"web": "10.0.0.5/32"}


def test_a_retired_address_is_announced_before_it_is_returned() -> None:
    answer = sync_range(RESTORED, recording(WEB, "10.0.0.5/32"), extents=[])
    assert ledger_of(answer) == {}
    (extent,) = (child for child in answer["children"] if child["kind"] == "IPAMExtent")
    assert extent["spec"]["ranges"] == ["10.0.0.5"]


def test_a_retired_address_of_an_older_range_is_not_returned() -> None:
    older = extent_object("10.0.0.5", version=3, range_="team-b/other")
    answer = sync_range(RESTORED, recording(WEB, "10.0.0.5/32"), extents=[older, extent_object("10.0.0.5")])
    assert ledger_of(answer) == {}
    assert "belongs to range team-b/other" in messages_of(answer)["web"]


def test_without_a_hold_a_recorded_address_that_is_excluded_is_not_returned() -> None:
    range_ = with_ledger(range_object("10.0.0.0/28", chunk_size=32, excludes=["10.0.0.4/30"]), revision=1)
    assert ledger_of(sync_range(range_, recording(WEB, "10.0.0.5/32"))) == {"web": "10.0.0.0/32"}


def test_the_present_gateway_is_returned_to_no_request() -> None:
    network = {"gateway": "10.0.0.5"}
    range_ = with_ledger(put_on_hold(range_object("10.0.0.0/28", chunk_size=32, network=network)), on_hold=True)
    answer = sync_range(range_, recording(WEB, "10.0.0.5/32"), extents=ANNOUNCED)
    assert ledger_of(answer) == {}
    assert "10.0.0.5/32 is the gateway of team-a/net" in messages_of(answer)["web"]


# --- gateways


def with_gateway(text: str) -> dict[str, str]:
    return {"gateway": text}


TOLD = with_ledger(
    range_object("10.0.0.0/28", chunk_size=32, network=with_gateway("10.0.0.1")), entry("web", "10.0.0.5/32")
)


def test_a_former_gateway_is_withheld_while_a_holder_has_it() -> None:
    changed = edited(TOLD, network=with_gateway("10.0.0.2"))
    answers = [READY | {"network": with_gateway("10.0.0.1")}]
    answer = sync_range(changed, WEB, request_object("db", wanted="10.0.0.1"), answers=answers)
    assert answer["status"]["gateways"] == ["10.0.0.1", "10.0.0.2"]
    assert messages_of(answer)["db"] == (
        "10.0.0.1/32 is a former gateway of team-a/net, which is not allocated while a holder may use it"
    )


def test_a_former_gateway_is_withheld_while_a_holder_has_no_answer_yet() -> None:
    """A call that is under way may publish the former gateway."""
    answer = sync_range(edited(TOLD, network=with_gateway("10.0.0.2")), WEB)
    assert answer["status"]["gateways"] == ["10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize("network", [None, with_gateway("10.0.0.2")])
def test_a_former_gateway_is_free_once_no_holder_has_it(network: dict[str, str] | None) -> None:
    changed = edited(TOLD, network=with_gateway("10.0.0.2"))
    answers = [READY | ({"network": network} if network else {})]
    answer = sync_range(changed, WEB, answers=answers)
    assert answer["status"]["gateways"] == ["10.0.0.2"]


def test_a_gateway_that_a_request_shows_is_withheld_though_its_answer_is_lost() -> None:
    shown = showing(WEB, "10.0.0.5/32")
    shown["status"]["network"] = with_gateway("10.0.0.1")
    changed = edited(TOLD, network=with_gateway("10.0.0.2"))
    answer = sync_range(changed, shown)
    assert answer["status"]["gateways"] == ["10.0.0.1", "10.0.0.2"]
    (item,) = items_of(sync_range(changed | {"status": answer["status"]}, shown))
    assert item["network"] == with_gateway("10.0.0.1")


def test_a_lost_answer_is_not_written_again_by_another_network_with_the_same_revision() -> None:
    """By its revision a request sees that it was written again."""
    changed = edited(TOLD, network=with_gateway("10.0.0.2"))
    answer = sync_range(changed, WEB)
    assert items_of(answer) == []
    (item,) = items_of(sync_range(changed | {"status": answer["status"]}, WEB))
    assert (item["network"], item["revision"]) == (with_gateway("10.0.0.2"), TOLD["status"]["revision"] + 1)


def test_more_gateways_than_can_be_remembered_make_an_edit_invalid() -> None:
    many = [f"10.0.1.{number}" for number in range(64)]
    range_ = edited(TOLD, network=with_gateway("10.0.0.2"))
    range_["status"]["gateways"] = many
    answer = sync_range(range_, WEB)
    assert answer["status"]["gateways"] == many
    message = "network.gateway 10.0.0.2: holders use 64 other gateways: wait for their release"
    assert condition(answer, "Ready") == ("False", message)


def test_an_invalid_range_forgets_a_former_gateway_that_no_holder_has_and_becomes_valid() -> None:
    former = with_ledger(range_object("10.0.0.0/31", chunk_size=32, network=with_gateway("10.0.0.0")), revision=5)
    former["status"]["gateways"] = ["10.0.0.0"]
    changed = edited(former, network=with_gateway("10.0.0.1"))
    answer = sync_range(changed)
    message = "nothing is left to allocate beside the gateways, former ones included"
    assert condition(answer, "Ready") == ("False", message)
    assert "gateways" not in answer["status"]
    answer = sync_range(changed | {"status": answer["status"]})
    assert (answer["status"]["state"], answer["status"]["gateways"]) == ("Ready", ["10.0.0.1"])


def test_a_holder_of_what_became_the_gateway_keeps_it() -> None:
    answer = sync_range(edited(HELD, network=with_gateway("10.0.0.5")), WEB, answers=[READY])
    assert ledger_of(answer) == {"web": "10.0.0.5/32"}
    assert condition(answer, "Drained") == (
        "False",
        "1 of 1 retired addresses are still held, by team-a/web (10.0.0.5/32)",
    )


# --- allowed namespaces


def test_a_range_that_was_shared_once_observes_requests_of_all_namespaces() -> None:
    shared = with_ledger(range_object(allowed=ALL), entry("team-b/web", "10.0.0.0/28"))
    narrowed = edited(shared, allowedNamespaces={"from": "Same"})
    requests = customize_range(narrowed)["relatedResources"][0]
    assert "namespace" not in requests
    never_shared = customize_range(with_ledger(range_object()))["relatedResources"][0]
    assert never_shared["namespace"] == NAMESPACE
    answer = sync_range(
        narrowed,
        request_object("team-b/web", range_="team-a/net"),
        request_object("team-b/db", range_="team-a/net"),
        answers=[answer_item("team-b/web", cidr="10.0.0.0/28", revision=1)],
    )
    assert ledger_of(answer) == {"web": "10.0.0.0/28"}
    assert answers_of(answer) == {"web": ("Ready", "10.0.0.0/28")}
    assert answer["status"]["wasShared"] is True


def test_extents_get_the_namespaces_of_the_edited_spec() -> None:
    range_ = with_ledger(range_object(), revision=1)
    opened = edited(range_, allowedNamespaces=ALL)
    answer = sync_range(opened, namespaces=[namespace_object()])
    assert [each["spec"].get("allowedNamespaces") for each in answer["children"]] == [ALL]
    narrowed = edited(with_ledger(range_object(allowed=ALL), revision=1), allowedNamespaces={"from": "Same"})
    extents = [extent_object("10.0.0.0-10.0.0.255", allowed=ALL)]
    (extent,) = sync_range(narrowed, extents=extents, announced=extents)["children"]
    assert extent["spec"]["allowedNamespaces"] == {"from": "Same"}
