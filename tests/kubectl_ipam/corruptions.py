"""Corruptions of a healthy cluster, each with the rule of the audit that finds it.

A corruption changes a copy of the objects of `healthy`, as a person with too many rights, a restore or a bug would.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from kubectl_ipam.box import Box
from tests.kubectl_ipam.clusters import Document, cluster_of, range_, request

FINALIZER = "metacontroller.io/decoratorcontroller-ipamrequest"
LONG_AGO = "2020-01-01T00:00:00Z"
FAR_AHEAD = "2099-01-01T00:00:00Z"


def healthy() -> Box:
    """Two ranges of a domain with holders, one that cools down, one that waits, and two blocks that are delegated."""
    box = cluster_of(
        range_("net", "10.0.0.0/24", chunkSize=28, cooldownSeconds=86400, allowedNamespaces={"from": "All"}),
        range_("other", "10.0.0.0/23", chunkSize=28, network={"gateway": "10.0.1.1", "prefixLength": 23}),
        *(request(f"web-{number}") for number in range(5)),
        request("dns", request="10.0.0.128"),
        request("far", namespace="team-a", ipam={"name": "net", "namespace": "default"}),
        *(request(f"node-{number}", "other") for number in range(3)),
        range_("company", "10.5.0.0/16", chunkSize=20),
        request("site", "company", delegate={"chunkSize": 28}),
        request("team", "site"),
        request("spare", "company", delegate={"chunkSize": 28}),
    )
    box.delete([request("web-4")])
    assert box.apply([request("big", size=24)]) == []
    return box


class Objects:
    """The objects of a cluster, to be changed."""

    def __init__(self, objects: list[Document]) -> None:
        self.all = objects

    def get(self, kind: str, name: str) -> Document:
        (found,) = (each for each in self.all if each["kind"] == kind and each["metadata"]["name"] == name)
        return found

    def range(self, name: str = "net") -> Document:
        return self.get("IPAMRange", name)

    def ledger(self, name: str = "net") -> list[Any]:
        return list_of(self.range(name)["status"], "allocations")

    def request(self, name: str = "web-0") -> Document:
        return self.get("IPAMRequest", name)

    def drop(self, kind: str, name: str) -> None:
        self.all.remove(self.get(kind, name))

    def slice_with(self, request_name: str = "web-0") -> Document:
        uid = self.request(request_name)["metadata"]["uid"]
        return next(each for each in self.of("IPAMAllocationSlice") if uid in str(each["spec"]["answers"]))

    def answer(self, request_name: str = "web-0") -> Document:
        uid = self.request(request_name)["metadata"]["uid"]
        answers = self.slice_with(request_name)["spec"]["answers"]
        return dict_of(next(each for each in answers if each["uid"] == uid))

    def of(self, kind: str) -> list[Document]:
        return [each for each in self.all if each["kind"] == kind]

    def extent(self, range_name: str = "net") -> Document:
        return next(each for each in self.of("IPAMExtent") if each["spec"]["range"] == range_name)


def list_of(parent: Document, name: str) -> list[Any]:
    value = parent[name]
    assert isinstance(value, list)
    return value


def dict_of(value: Any) -> Document:
    assert isinstance(value, dict)
    return value


class Corruption(NamedTuple):
    """What is done, and the rule that finds it."""

    rule: str
    do: Callable[[Objects], object]


def _entry_of(objects: Objects, name: str) -> Document:
    uid = objects.request(name)["metadata"]["uid"]
    return dict_of(next(each for each in objects.ledger() if each["uid"] == uid))


def _move(objects: Objects, name: str, cidr: str) -> None:
    """Give a holder another block, in its ledger, its answer and its status."""
    _entry_of(objects, name)["cidr"] = cidr
    objects.answer(name)["cidr"] = cidr
    _show(objects, name, cidr)
    objects.ledger().sort(key=lambda each: [int(part) for part in each["cidr"].partition("/")[0].split(".")])


def _show(objects: Objects, name: str, cidr: str) -> None:
    objects.request(name)["status"]["cidr"] = cidr
    objects.request(name)["metadata"]["annotations"]["ipam.mandelsoft.org/cidr"] = cidr


def _add_to_other(objects: Objects) -> None:
    entry = dict(_entry_of(objects, "web-0"), uid="stranger", request="default/stranger")
    objects.ledger("other").insert(0, entry)


def _hold_in_two(objects: Objects) -> None:
    objects.ledger("other").append(dict(_entry_of(objects, "web-0"), cidr="10.0.1.240/28"))


def _rename_slice(objects: Objects) -> None:
    objects.slice_with()["metadata"]["name"] = "net-elsewhere"


def _second_number(objects: Objects) -> None:
    objects.extent("other")["spec"]["number"] = objects.extent("net")["spec"]["number"]


def _forget_range(objects: Objects) -> None:
    objects.drop("IPAMRange", "other")


def _delete(objects: Objects, *finalizers: str) -> None:
    objects.request()["metadata"] |= {"deletionTimestamp": LONG_AGO, "finalizers": [FINALIZER, *finalizers]}


def _status(name: str, **values: Any) -> Callable[[Objects], None]:
    return lambda objects: objects.request(name)["status"].update(values)


def _range_status(**values: Any) -> Callable[[Objects], None]:
    return lambda objects: objects.range()["status"].update(values)


def _unmark(kind: str) -> Callable[[Objects], object]:
    return lambda objects: objects.of(kind)[0]["spec"].pop("schemaV1")


def _never_answered(objects: Objects) -> None:
    pending = objects.request("big")
    pending["metadata"] |= {"creationTimestamp": LONG_AGO}
    pending["status"] = {"state": "Pending", "schemaV1": True}


def _never_called(objects: Objects) -> None:
    _never_answered(objects)
    objects.request("big")["metadata"]["finalizers"] = []


def _forbid(objects: Objects) -> None:
    objects.request("far")["status"] = {"state": "Pending", "schemaV1": True}
    objects.request("far")["metadata"]["creationTimestamp"] = LONG_AGO
    objects.range()["spec"].pop("allowedNamespaces")


def _cooling(objects: Objects) -> Document:
    return dict_of(next(each for each in objects.ledger() if "releasedAt" in each))


def _lose_request(objects: Objects) -> None:
    objects.drop("IPAMRequest", "site")


def _lose_spare_request(objects: Objects) -> None:
    objects.drop("IPAMRequest", "spare")
    objects.range("spare")["metadata"]["creationTimestamp"] = LONG_AGO


def _lose_range(objects: Objects) -> None:
    """Remove a delegated range, and all that it controlled."""
    uid = objects.range("site")["metadata"]["uid"]
    objects.drop("IPAMRange", "site")
    objects.drop("IPAMRequest", "team")
    objects.all = [each for each in objects.all if uid not in str(each["metadata"].get("ownerReferences"))]
    for condition in objects.request("site")["status"]["conditions"]:
        condition["lastTransitionTime"] = LONG_AGO


def _take_name(objects: Objects) -> None:
    """Another range has the name of a delegated one, as if its owner had been faster."""
    for field in ("delegatedFrom", "domain"):
        objects.range("spare")["spec"].pop(field)
    objects.range("spare")["spec"]["ranges"] = ["10.99.0.0/20"]
    objects.request("spare")["status"].pop("range")


def _name_another(objects: Objects) -> None:
    objects.request("spare")["status"]["range"]["uid"] = "another"
    objects.range("spare")["metadata"]["creationTimestamp"] = LONG_AGO


CORRUPTIONS: dict[str, Corruption] = {
    "the request of a delegated range was removed by force": Corruption("DelegatorMissing", _lose_request),
    "a delegated range of no request holds nothing": Corruption("DelegatorMissing", _lose_spare_request),
    "a delegated range has another block than its request": Corruption(
        "DelegatedBlockDiffers", lambda o: o.range("spare")["spec"].update(ranges=["10.5.16.0/21"])
    ),
    "a delegated range is in the domain of others": Corruption(
        "DelegatedDomainWrong", lambda o: o.range("spare")["spec"].update(domain="default")
    ),
    "a delegated range was removed by force": Corruption("DelegatedRangeMissing", _lose_range),
    "another range has the name of a delegated one": Corruption("DelegatedNameTaken", _take_name),
    "a request names another range than the one that was made": Corruption("DelegatedNotNamed", _name_another),
    "a request says that a range is finished whose blocks are held": Corruption(
        "DelegationNotFinished", lambda o: o.request("site")["status"]["range"].update(finished=True)
    ),
    "two blocks of a ledger overlap": Corruption(
        "OverlapInRange", lambda o: o.ledger()[1].update(cidr="10.0.0.128/28")
    ),
    "two ranges of a domain hold the same block": Corruption("OverlapInDomain", _add_to_other),
    "a ledger is out of order": Corruption("LedgerUnreadable", lambda o: o.ledger().reverse()),
    "a ledger has a block that is none": Corruption(
        "LedgerUnreadable", lambda o: o.ledger()[0].update(cidr="10.0.0.0/x")
    ),
    "a ledger has a uid twice": Corruption(
        "LedgerUnreadable", lambda o: o.ledger()[1].update(uid=o.ledger()[0]["uid"])
    ),
    "a round robin cursor is no address": Corruption("LedgerUnreadable", _range_status(roundRobin={"28": "here"})),
    "a block lies outside of its range": Corruption("BlockOutsideRange", lambda o: _move(o, "web-3", "10.9.0.0/28")),
    "a holder is recorded as released": Corruption(
        "ReleasedHolder", lambda o: o.range()["status"]["released"].append(o.ledger()[0]["uid"])
    ),
    "a request holds blocks of two ranges": Corruption("HolderInTwoRanges", _hold_in_two),
    "a ledger lost its revision": Corruption("RevisionMissing", lambda o: o.range()["status"].pop("revision")),
    "a ledger was set back": Corruption("LedgerSetBack", lambda o: o.range()["status"].update(revision=1)),
    "a capacity is wrong": Corruption(
        "CapacityWrong", lambda o: o.range()["status"]["capacity"].update(allocated="4711")
    ),
    "a holder was removed by force": Corruption("HolderMissing", lambda o: o.drop("IPAMRequest", "web-0")),
    "a holder is marked as absent": Corruption(
        "HolderAbsent",
        lambda o: o.range()["status"]["conditions"].append(
            {
                "type": "HoldersAbsent",
                "status": "True",
                "reason": "RequestNotFound",
                "message": "1 holder disappeared",
                "lastTransitionTime": LONG_AGO,
            }
        ),
    ),
    "the label of a holder is missing": Corruption("LabelWrong", lambda o: o.request()["metadata"]["labels"].clear()),
    "the label of a waiting request names another range": Corruption(
        "LabelOfOtherRange",
        lambda o: o.request("big")["metadata"].update(
            creationTimestamp=LONG_AGO, labels={"ipam.mandelsoft.org/range": "default.other"}
        ),
    ),
    "the finalizer of a holder is missing": Corruption(
        "FinalizerMissing", lambda o: o.request()["metadata"].update(finalizers=[])
    ),
    "the finalizer of a range is missing": Corruption(
        "RangeUnprotected", lambda o: o.range()["metadata"].update(finalizers=[])
    ),
    "a request shows a block that the ledger lost": Corruption(
        "NotInLedger", lambda o: o.ledger().remove(_entry_of(o, "web-0"))
    ),
    "a request shows another block": Corruption("OtherBlockShown", lambda o: _show(o, "web-0", "10.0.0.240/28")),
    "two requests show the same addresses": Corruption(
        "SameAddresses", lambda o: _show(o, "web-0", o.request("web-1")["status"]["cidr"])
    ),
    "a request shows another address than its block": Corruption("AddressWrong", _status("dns", address="10.0.0.9")),
    "a request is Ready without a block": Corruption("ReadyWithoutBlock", lambda o: o.request()["status"].pop("cidr")),
    "a request has a block, but is Invalid": Corruption("BlockWithoutReady", _status("web-0", state="Invalid")),
    "an answer has another block": Corruption("OtherBlockAnswered", lambda o: o.answer().update(cidr="10.0.0.240/28")),
    "an answer is in no ledger": Corruption(
        "AnswerNotInLedger",
        lambda o: o.slice_with()["spec"]["answers"].append(
            dict(o.answer(), uid="stranger", request="default/stranger")
        ),
    ),
    "an answer lies in another slice": Corruption("AnswerInOtherSlice", _rename_slice),
    "an answer says that a living request is released": Corruption(
        "ReleasedAlive", lambda o: o.answer("big").update(state="Released")
    ),
    "a slice has no owner": Corruption(
        "SliceWithoutOwner", lambda o: o.slice_with()["metadata"].pop("ownerReferences")
    ),
    "a slice has the answers of another range": Corruption(
        "SliceOfOtherRange", lambda o: o.slice_with()["spec"].update(range="other")
    ),
    "an extent was deleted": Corruption("BlockNotAnnounced", lambda o: o.all.remove(o.extent())),
    "an extent has no owner": Corruption("ExtentWithoutOwner", lambda o: o.extent()["metadata"].pop("ownerReferences")),
    "an extent lies in another domain": Corruption(
        "ExtentInOtherDomain", lambda o: o.extent()["spec"].update(domain="x")
    ),
    "an extent announces too much": Corruption(
        "ExtentTooLarge", lambda o: o.extent()["spec"].update(ranges=["10.0.0.0-10.0.7.255"])
    ),
    "an extent can't be read": Corruption("ExtentUnreadable", lambda o: o.extent()["spec"].update(ranges=["here"])),
    "an extent is hidden from other ranges": Corruption(
        "ExtentHidden",
        lambda o: o.extent()["metadata"]["labels"].update({"ipam.mandelsoft.org/cell": "IPv4-1.0.0.0.24"}),
    ),
    "an extent lost its number": Corruption(
        "ExtentWithoutNumber",
        lambda o: (o.extent()["spec"].pop("number"), o.extent()["metadata"].update(creationTimestamp=LONG_AGO)),
    ),
    "two extents have the same number": Corruption("SameNumber", _second_number),
    "a range was removed by force": Corruption("RangeLost", _forget_range),
    "a request asks for no range that exists": Corruption(
        "NoSuchRange", lambda o: o.request("big")["spec"]["ipam"].update(name="nirvana")
    ),
    "a namespace is not allowed": Corruption("NamespaceNotAllowed", _forbid),
    "a request was never answered": Corruption("NoAnswer", _never_answered),
    "the hooks are not called for a request": Corruption("HooksNotCalled", _never_called),
    "the hooks are not called for a range": Corruption(
        "RangeNotServed",
        lambda o: (o.range()["status"].clear(), o.range()["metadata"].update(creationTimestamp=LONG_AGO)),
    ),
    "a deletion is stuck because of our finalizer": Corruption("DeletionStuck", _delete),
    "a deletion is stuck because of a foreign finalizer": Corruption(
        "DeletionStuck", lambda o: _delete(o, "example.com/in-use")
    ),
    "a range is stuck in deletion": Corruption(
        "RangeDeletionStuck", lambda o: o.range()["metadata"].update(deletionTimestamp=LONG_AGO)
    ),
    "a range can't be read": Corruption("Unreadable", lambda o: o.range()["metadata"].pop("creationTimestamp")),
    "a request can't be read": Corruption("Unreadable", lambda o: o.request()["spec"].update(ipam=["net"])),
    "a slice can't be read": Corruption("Unreadable", lambda o: o.slice_with()["spec"].update(answers="none")),
    "the spec of a range is invalid": Corruption("RangeInvalid", lambda o: o.range()["spec"].update(ranges=["here"])),
    "a range was served by an older schema": Corruption("OlderSchema", lambda o: o.range()["status"].pop("schemaV1")),
    "a request was served by an older schema": Corruption(
        "OlderSchema", lambda o: o.request()["status"].pop("schemaV1")
    ),
    "a slice was served by an older schema": Corruption("OlderSchema", _unmark("IPAMAllocationSlice")),
    "an extent was served by an older schema": Corruption("OlderSchema", _unmark("IPAMExtent")),
    "the clock of the hooks is ahead": Corruption("ClockAhead", lambda o: _cooling(o).update(releasedAt=FAR_AHEAD)),
    "a cool-down does not end": Corruption("CooldownOverdue", lambda o: _cooling(o).update(releasedAt=LONG_AGO)),
}
