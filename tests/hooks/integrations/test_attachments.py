"""Attachments that the object does not own: users write owner references, annotations and IPAddresses, too."""

from typing import Any

import pytest

from hooks.api.names import ADDRESSES_ANNOTATION, CIDR_ANNOTATION, GIVEN_UP_ANNOTATION, MESSAGE_ANNOTATION
from tests.hooks.build import Obj
from tests.hooks.calls import post
from tests.hooks.foreign import (
    METALLB,
    SERVICE_SYNC,
    address_object,
    attached_request,
    claim_body,
    claim_object,
    controller_reference,
    service_body,
    service_object,
)

CLAIM_SYNC = "/ipaddressclaim/sync"
FORGERIES: dict[str, Obj] = {
    "another group": {"apiVersion": "other.example/v1"},
    "another kind": {"kind": "Whatever"},
    "another name": {"name": "other"},
    "another uid": {"uid": "uid-other"},
    "an owner that is no controller": {"controller": False},
}


def forged(owner: Obj, change: Obj) -> Obj:
    """An attached request with a wrong owner reference."""
    return attached_request(owner, name="mine", ownerReferences=[controller_reference(owner) | change])


def answer_to(path: str, body: Obj) -> Any:
    response = post(path, body)
    assert response.status_code == 200, response.data
    return response.get_json()


def names_in(answer: Obj) -> list[str]:
    return [each["metadata"]["name"] for each in answer["attachments"] if each["kind"] == "IPAMRequest"]


@pytest.mark.parametrize("change", FORGERIES.values(), ids=FORGERIES)
def test_a_claim_gets_no_address_by_a_request_that_it_does_not_own(change: Obj) -> None:
    claim = claim_object()
    answer = answer_to(CLAIM_SYNC, claim_body(claim, forged(claim, change)))
    assert len(set(names_in(answer))) == 2, "the forged one is returned, and one of its own is asked for"
    assert not [each for each in answer["attachments"] if each["kind"] == "IPAddress"]
    assert answer["status"] is None


@pytest.mark.parametrize("change", FORGERIES.values(), ids=FORGERIES)
def test_a_service_gets_no_address_by_a_request_that_it_does_not_own(change: Obj) -> None:
    service = service_object()
    answer = answer_to(SERVICE_SYNC, service_body(service, forged(service, change)))
    assert len(set(names_in(answer))) == 2
    assert "annotations" not in answer


def test_a_request_of_either_version_of_a_claim_is_its_own() -> None:
    claim = claim_object()
    older = controller_reference(claim) | {"apiVersion": "ipam.cluster.x-k8s.io/v1beta1"}
    answer = answer_to(CLAIM_SYNC, claim_body(claim, attached_request(claim, ownerReferences=[older])))
    assert len(names_in(answer)) == 1
    assert [each["spec"]["address"] for each in answer["attachments"] if each["kind"] == "IPAddress"] == ["10.0.0.5"]


@pytest.mark.parametrize(
    "spec",
    [
        {"poolRef": {"apiGroup": "other.example", "kind": "IPAMRange", "name": "net"}},
        {"poolRef": {"apiGroup": "ipam.mandelsoft.org", "kind": "IPAMRange", "name": "other"}},
        {"claimRef": {"name": "other"}},
    ],
)
def test_an_ipaddress_for_another_claim_or_pool_is_no_record(spec: Obj) -> None:
    address = address_object("10.0.0.7")
    address["spec"] |= spec
    [request] = [
        each
        for each in answer_to(CLAIM_SYNC, claim_body(claim_object(), address))["attachments"]
        if each["kind"] == "IPAMRequest"
    ]
    assert request["spec"]["request"] == "#1"
    assert CIDR_ANNOTATION not in request["metadata"].get("annotations", {})


def test_an_ipaddress_that_the_claim_does_not_own_is_no_record() -> None:
    address = address_object("10.0.0.7")
    address["metadata"]["ownerReferences"][0]["name"] = "other"
    answer = answer_to(CLAIM_SYNC, claim_body(claim_object(), address))
    assert [each["spec"]["request"] for each in answer["attachments"] if each["kind"] == "IPAMRequest"] == ["#1"]


def test_its_own_ipaddress_is_a_record() -> None:
    answer = answer_to(CLAIM_SYNC, claim_body(claim_object(), address_object("10.0.0.7")))
    [request] = [each for each in answer["attachments"] if each["kind"] == "IPAMRequest"]
    assert (request["spec"]["request"], request["metadata"]["annotations"][CIDR_ANNOTATION]) == (
        "10.0.0.7",
        "10.0.0.7/32",
    )


def test_an_ipaddress_that_has_no_address_is_named_as_the_fault() -> None:
    claim = claim_object(annotations={ADDRESSES_ANNOTATION: "10.0.0.5"})
    answer = answer_to(CLAIM_SYNC, claim_body(claim, attached_request(claim), address_object("net")))
    assert answer["status"]["conditions"][0]["message"] == 'IPAddress team-a/worker-0 "net": must be one address'


def test_a_request_that_is_refused_without_a_reason_gives_a_service_no_address() -> None:
    """A person has changed the answer of its range."""
    service = service_object()
    request = attached_request(service)
    request["status"] |= {"state": "Busy", "message": ""}
    answer = answer_to(SERVICE_SYNC, service_body(service, request))
    assert answer["annotations"] == {MESSAGE_ANNOTATION: "its request is busy"}


def without_ranges(service: Obj, ip: str) -> Obj:
    """This Service without the range, while its load balancer serves at this address."""
    del service["metadata"]["annotations"]["ipam.mandelsoft.org/range"]
    return service | {"status": {"loadBalancer": {"ingress": [{"ip": ip}]}}}


@pytest.mark.parametrize(
    ("address", "ip"),
    [
        ("2001:db8::5", "2001:DB8::5"),
        ("2001:db8::5", "2001:db8:0:0:0:0:0:5"),
        ("10.0.0.5", "::ffff:10.0.0.5"),
        ("10.0.0.5", "010.000.000.005"),
    ],
)
def test_an_address_in_use_is_not_released_however_the_load_balancer_writes_it(address: str, ip: str) -> None:
    service = service_object(**{ADDRESSES_ANNOTATION: address})
    request = attached_request(service, address)
    answer = answer_to(SERVICE_SYNC, service_body(without_ranges(service, ip), request))
    assert names_in(answer) == [request["metadata"]["name"]]
    message = f"{address} will be released once the load balancer no longer serves there"
    assert answer["annotations"] == {MESSAGE_ANNOTATION: message}


def test_a_request_without_an_address_is_given_up_wherever_the_load_balancer_serves() -> None:
    service = service_object()
    request = attached_request(service)
    request["status"] = {"schemaV1": True, "state": "Busy", "message": "no free address"}
    answer = answer_to(SERVICE_SYNC, service_body(without_ranges(service, "host.example"), request))
    assert names_in(answer) == []


def test_a_request_that_was_given_up_is_deleted_before_another_one_of_its_name_is_created() -> None:
    """Its deletion failed, and meanwhile the Service names the range again."""
    service = service_object()
    request = attached_request(service)
    service["metadata"]["annotations"][GIVEN_UP_ANNOTATION] = request["metadata"]["uid"]
    answer = answer_to(SERVICE_SYNC, service_body(service, request))
    assert (names_in(answer), answer["resyncAfterSeconds"]) == ([], 10.0)
    (new,) = names_in(answer_to(SERVICE_SYNC, service_body(service)))
    assert new == request["metadata"]["name"]


@pytest.mark.parametrize("written", ["10.0.0.6", ""])
def test_a_request_for_an_address_that_the_owner_has_corrected_is_given_up(written: str) -> None:
    service = service_object(**({METALLB: written} if written else {}))
    request = attached_request(service)
    request["spec"]["request"] = "10.0.0.5"
    granted = answer_to(SERVICE_SYNC, service_body(service, request))
    request["status"] = {"schemaV1": True, "state": "Busy", "message": "10.0.0.5 is not free"}
    answer = answer_to(SERVICE_SYNC, service_body(service, request))
    assert names_in(granted) == [request["metadata"]["name"]], "what is allocated stays"
    assert (names_in(answer), answer["annotations"]) == ([], {GIVEN_UP_ANNOTATION: request["metadata"]["uid"]})
    service["metadata"]["annotations"] |= answer["annotations"]
    (new,) = answer_to(SERVICE_SYNC, service_body(service))["attachments"]
    assert new["spec"]["request"] == (written or "#1")


def test_a_request_that_an_older_schema_shows_is_not_given_up() -> None:
    service = service_object(**{METALLB: "10.0.0.5"})
    request = attached_request(service)
    request["spec"].pop("request")
    request["status"] = {}
    assert names_in(answer_to(SERVICE_SYNC, service_body(service, request))) == [request["metadata"]["name"]]


@pytest.mark.parametrize(
    ("text", "named"),
    [("infra.public.v4", ("infra", "public.v4")), ("public.v4", ("public", "v4")), ("net", ("team-a", "net"))],
)
def test_a_range_is_named_by_its_namespace_and_a_name_that_may_have_dots(text: str, named: tuple[str, str]) -> None:
    (new,) = answer_to(SERVICE_SYNC, service_body(service_object(ranges=text)))["attachments"]
    assert (new["spec"]["ipam"]["namespace"], new["spec"]["ipam"]["name"]) == named


def test_a_record_that_is_written_as_a_block_is_the_address() -> None:
    service = service_object(**{ADDRESSES_ANNOTATION: "10.0.0.5/32"})
    answer = answer_to(SERVICE_SYNC, service_body(service, attached_request(service)))
    assert answer["annotations"][ADDRESSES_ANNOTATION] == "10.0.0.5"


@pytest.mark.parametrize("text", ["net-", "a..b", ".net", "infra."])
def test_a_range_that_cannot_exist_is_reported(text: str) -> None:
    answer = answer_to(SERVICE_SYNC, service_body(service_object(ranges=text)))
    assert f'annotation ipam.mandelsoft.org/range "{text}": must be' in answer["annotations"][MESSAGE_ANNOTATION]


@pytest.mark.parametrize("ranges", ["net,net6", "net6,net"])
def test_recorded_addresses_are_requested_in_the_order_of_the_ranges(ranges: str) -> None:
    """A Service does not see of which family a range is (docs/services.md)."""
    service = service_object(ranges=ranges, **{ADDRESSES_ANNOTATION: "10.0.0.5,2001:db8::5"})
    new = answer_to(SERVICE_SYNC, service_body(service))["attachments"]
    asked = [(each["spec"]["ipam"]["name"], each["spec"]["request"]) for each in new]
    assert asked == list(zip(ranges.split(","), ["10.0.0.5", "2001:db8::5"], strict=True))
