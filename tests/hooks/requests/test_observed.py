"""Which allocation is the answer to a request: the one that its range controls."""

import pytest

from tests.hooks.build import (
    Obj,
    allocation_object,
    annotated,
    at,
    deleted,
    extent_object,
    request_object,
    showing,
    uncontrolled,
)
from tests.hooks.calls import finalize_request, sync_request

CIDR = "10.0.0.0/28"
WEB = request_object("web")
UNANSWERED = "ipam.mandelsoft.org/unanswered-since"
LONG_GONE = annotated(deleted(request_object("web"), at(-9999)), UNANSWERED, at(-9999))
STRANGERS = {
    "no controller": uncontrolled(allocation_object("web", cidr=CIDR)),
    "another range's": allocation_object("web", cidr=CIDR, range_="other"),
    "a range's elsewhere": allocation_object("web", cidr=CIDR, range_="team-b/net"),
    "to another uid": allocation_object("web", cidr=CIDR, uid="first-life"),
    "orphaned": {**(o := allocation_object("web", cidr=CIDR)), "metadata": {**o["metadata"], "ownerReferences": []}},
    "of another kind of owner": {
        **o,
        "metadata": {
            **o["metadata"],
            "ownerReferences": [{"kind": "Deployment", "name": "net", "uid": "u", "controller": True}],
        },
    },
    "unlabelled": {**o, "metadata": {key: value for key, value in o["metadata"].items() if key != "labels"}},
    "labelled as another one's": {**o, "metadata": {**o["metadata"], "labels": {"controller-uid": "uid-of-another"}}},
    "unreadable": {**o, "spec": {"range": "net", "state": "Ready"}},
}
NAMED_STRANGERS = ["no controller", "another range's", "orphaned", "of another kind of owner", "unlabelled"]


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
def test_an_allocation_that_the_range_does_not_control_is_no_answer(stranger: Obj) -> None:
    status = sync_request(WEB, stranger)["status"]
    assert status is None or status["state"] == "Pending"
    assert sync_request(showing(request_object("web"), CIDR), stranger)["status"] is None
    going = annotated(deleted(request_object("web"), at(-60)), UNANSWERED, at(-60))
    assert finalize_request(going, stranger) == {"finalized": True}


@pytest.mark.parametrize("name", NAMED_STRANGERS)
def test_an_orphan_that_stands_in_the_way_is_named(name: str) -> None:
    """Its name is taken, so the range can't create the right one."""
    allocation = STRANGERS[name]["metadata"]["name"]
    status = sync_request(WEB, STRANGERS[name])["status"]
    assert status["state"] == "Pending"
    assert status["message"] == (
        f"allocation team-a/{allocation}, which range team-a/net does not control, blocks the answer: delete it"
    )


def test_a_second_owner_that_is_no_controller_does_no_harm() -> None:
    shared: Obj = allocation_object("web", cidr=CIDR)
    shared["metadata"]["ownerReferences"].append({"kind": "IPAMRange", "name": "other", "uid": "u"})
    assert sync_request(WEB, shared)["status"]["state"] == "Ready"


def test_it_does_not_wait_where_a_stranger_stands_in_the_way_of_its_answer() -> None:
    assert finalize_request(LONG_GONE, STRANGERS["orphaned"], extents=[extent_object("10.0.0.0/24")]) == {
        "finalized": True
    }
