"""Which allocation is the answer to a request: the one that its range controls."""

import pytest

from tests.hooks.build import (
    CIDR,
    WEB,
    Obj,
    allocation_object,
    at,
    deleted,
    extent_object,
    showing,
    unanswered,
    uncontrolled,
)
from tests.hooks.calls import finalize_request, sync_request

UNANSWERED = "ipam.mandelsoft.org/unanswered-since"
DELETED_LONG_AGO = unanswered(deleted(WEB, at(-9999)), at(-9999))
ORPHANS = {
    "no controller": uncontrolled(allocation_object("web", cidr=CIDR)),
    "of another range": allocation_object("web", cidr=CIDR, range_="other"),
    "of a range in another namespace": allocation_object("web", cidr=CIDR, range_="team-b/net"),
    "to another uid": allocation_object("web", cidr=CIDR, uid="first-life"),
    "orphaned": {**(o := allocation_object("web", cidr=CIDR)), "metadata": {**o["metadata"], "ownerReferences": []}},
    "of another kind of owner": {
        **o,
        "metadata": {
            **o["metadata"],
            "ownerReferences": [{"kind": "Deployment", "name": "net", "uid": "u", "controller": True}],
        },
    },
    "without a label": {**o, "metadata": {key: value for key, value in o["metadata"].items() if key != "labels"}},
    "with another label": {
        **o,
        "metadata": {**o["metadata"], "labels": {"controller-uid": "uid-of-another"}},
    },
    "unreadable": {**o, "spec": {"range": "net", "state": "Ready"}},
}
NAMED_ORPHANS = ["no controller", "of another range", "orphaned", "of another kind of owner", "without a label"]


@pytest.mark.parametrize("orphan", ORPHANS.values(), ids=ORPHANS)
def test_an_allocation_that_the_range_does_not_control_is_not_an_answer(orphan: Obj) -> None:
    status = sync_request(WEB, orphan)["status"]
    assert status is None or status["state"] == "Pending"
    assert sync_request(showing(WEB, CIDR), orphan)["status"] is None
    request = unanswered(deleted(WEB, at(-60)), at(-60))
    assert finalize_request(request, orphan) == {"finalized": True}


@pytest.mark.parametrize("name", NAMED_ORPHANS)
def test_an_orphan_that_blocks_the_answer_is_named(name: str) -> None:
    """It has the name of the answer, so the range cannot create the answer."""
    allocation = ORPHANS[name]["metadata"]["name"]
    status = sync_request(WEB, ORPHANS[name])["status"]
    assert status["state"] == "Pending"
    assert status["message"] == (
        f"allocation team-a/{allocation}, which range team-a/net does not control, blocks the answer: delete it"
    )


def test_a_second_owner_that_is_not_a_controller_does_not_matter() -> None:
    shared: Obj = allocation_object("web", cidr=CIDR)
    shared["metadata"]["ownerReferences"].append({"kind": "IPAMRange", "name": "other", "uid": "u"})
    assert sync_request(WEB, shared)["status"]["state"] == "Ready"


def test_a_deleted_request_does_not_wait_if_an_orphan_blocks_its_answer() -> None:
    assert finalize_request(DELETED_LONG_AGO, ORPHANS["orphaned"], extents=[extent_object("10.0.0.0/24")]) == {
        "finalized": True
    }
