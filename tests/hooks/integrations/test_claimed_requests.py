"""The request of a claim that is deleted: its finalizer stays while the claim is in use."""

from typing import Any

import pytest

from tests.hooks.build import Obj, annotated, at, deleted, with_metadata
from tests.hooks.calls import post
from tests.hooks.foreign import (
    CAPI,
    attached_request,
    claim_object,
    claimed_body,
    controller_reference,
    service_object,
)

CLAIM = claim_object()
REQUEST = with_metadata(attached_request(CLAIM), creationTimestamp=at(-60))
DELETED = deleted(REQUEST)
IN_USE = "vspherevm.infrastructure.cluster.x-k8s.io/ip-claim-protection"


def ask(hook: str, body: Obj) -> Any:
    response = post(f"/claimedrequest/{hook}", body)
    assert response.status_code == 200, response.get_json()
    return response.get_json()


def finalized(request: Obj, *claims: Obj) -> bool:
    answer = ask("finalize", claimed_body(request, *claims))
    assert answer["status"] is None
    assert answer["finalized"] != ("resyncAfterSeconds" in answer)
    return bool(answer["finalized"])


def ending(*finalizers: str) -> Obj:
    """The claim in deletion, with these finalizers."""
    return deleted(with_metadata(CLAIM, finalizers=list(finalizers)))


def test_the_claim_of_a_deleted_request_is_asked_for_in_the_version_in_which_it_owns_it() -> None:
    assert ask("customize", {"parent": REQUEST}) == {"relatedResources": []}
    [rule] = ask("customize", {"parent": DELETED})["relatedResources"]
    assert rule == {"apiVersion": CAPI, "resource": "ipaddressclaims", "namespace": "team-a", "names": ["worker-0"]}


def test_a_request_of_a_service_asks_for_nothing_and_is_not_kept() -> None:
    request = deleted(attached_request(service_object()))
    assert ask("customize", {"parent": request}) == {"relatedResources": []}
    assert finalized(request)


def test_a_request_that_is_not_being_deleted_stays_as_it_is() -> None:
    assert ask("sync", claimed_body(REQUEST, CLAIM)) == {"status": None}


def test_a_request_that_lost_its_label_keeps_its_finalizer() -> None:
    assert not finalized(REQUEST, CLAIM)
    assert not finalized(REQUEST)


@pytest.mark.parametrize(
    "claim",
    [
        CLAIM,
        with_metadata(CLAIM, finalizers=["foregroundDeletion"]),
        ending(IN_USE, "foregroundDeletion"),
        ending(IN_USE),
    ],
    ids=["not deleted", "not deleted, with a finalizer", "used, foreground", "used"],
)
def test_a_deleted_request_is_kept_while_its_claim_is_in_use(claim: Obj) -> None:
    assert not finalized(DELETED, claim)


@pytest.mark.parametrize("finalizers", [[], ["foregroundDeletion"], ["orphan"]], ids=str)
def test_a_deleted_request_ends_when_no_other_finalizer_keeps_its_claim(finalizers: list[str]) -> None:
    assert finalized(DELETED, ending(*finalizers))


def test_a_claim_of_the_same_name_is_another_one() -> None:
    assert finalized(DELETED, with_metadata(CLAIM, uid="uid-other"))


@pytest.mark.parametrize(("seconds", "is_free"), [(-9, False), (-10, True)])
def test_a_claim_that_is_not_shown_exists_no_more_if_caches_must_have_shown_it(seconds: int, is_free: bool) -> None:
    assert finalized(deleted(with_metadata(REQUEST, creationTimestamp=at(seconds)))) is is_free


def test_a_call_that_does_not_say_whether_the_claim_exists_proves_nothing() -> None:
    answer = ask("finalize", claimed_body(DELETED) | {"related": {}})
    assert answer == {"status": None, "finalized": False, "resyncAfterSeconds": 60.0}


def test_a_claim_that_can_not_be_read_is_in_use() -> None:
    assert not finalized(DELETED, with_metadata(CLAIM, finalizers="none"))


def test_a_cluster_administrator_can_delete_the_request_of_a_claim_in_use() -> None:
    assert finalized(annotated(DELETED, "ipam.mandelsoft.org/allow-deletion", "true"), CLAIM)
    assert not finalized(annotated(DELETED, "ipam.mandelsoft.org/allow-deletion", "false"), CLAIM)


def test_only_the_controller_of_a_request_counts() -> None:
    reference = controller_reference(CLAIM) | {"controller": False}
    assert finalized(with_metadata(DELETED, ownerReferences=[reference]), CLAIM)
