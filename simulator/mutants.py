"""Designs that are wrong, each by one rule: every one of them must be found by a checker, or the checkers are blind.

A mutant is a change of the CRDs, or of what goes over the wire between Metacontroller and the hooks: of a body before
the hooks see it, or of their answer. So a mutant says what the rest of the world would see of the mistake, and stays
one however the hooks are written inside.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.history import REQUEST_FINALIZER
from simulator.objects import copied

if TYPE_CHECKING:
    from simulator.hookcall import Caller
    from simulator.objects import Obj

REQUESTS, ALLOCATIONS = (f"IPAM{word}.ipam.mandelsoft.org/v1alpha1" for word in ("Request", "Allocation"))

#: Gets the body of a call and a way to the hooks (path and body in, answer out), and gives the answer.
Twist = Callable[[str, "Obj", Callable[["Obj"], "Obj"]], "Obj"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wrong design."""

    name: str
    #: The rule of DESIGN.md, or the point of the founding design's attack (§10), that it breaks.
    rule: str
    #: Changes the CustomResourceDefinitions in place, by plural name.
    crds: Callable[[dict[str, Obj]], None] | None = None
    #: What calls of hooks become, by the beginning of the path.
    path: str = "/"
    twist: Twist | None = None

    def definitions(self, definitions: list[Obj]) -> list[Obj]:
        """The CRDs of this design."""
        changed = copied(definitions)
        if self.crds:
            self.crds({obj["spec"]["names"]["plural"]: obj for obj in changed if "names" in obj.get("spec", {})})
        return changed

    def caller(self, caller: Caller) -> Caller:
        """The hooks of this design."""
        twist = self.twist
        if twist is None:
            return caller

        def call(path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
            if not path.startswith(self.path) or path.endswith("customize"):
                return caller(path, body)
            failures: list[tuple[int, dict[str, str], bytes]] = []

            def ask(obj: Obj) -> Obj:
                answer = caller(path, json.dumps(obj).encode())
                if answer[0] != 200:
                    failures.append(answer)
                    return {}
                result: Obj = json.loads(answer[2])
                return result

            answer = twist(path, json.loads(body), ask)
            return failures[0] if failures else (200, {}, json.dumps(answer).encode())

        return call


# --- what a body and an answer say


def _entries(obj: Obj) -> list[Obj]:
    return list((obj.get("status") or {}).get("allocations") or [])


def _requests(body: Obj) -> dict[str, Obj]:
    found: dict[str, Obj] = body["related"].get(REQUESTS, {})
    return found


def _answers(body: Obj) -> dict[str, Obj]:
    found: dict[str, Obj] = body["children"].get(ALLOCATIONS, {})
    return found


def _uids(body: Obj) -> set[str]:
    return {obj["metadata"]["uid"] for obj in _requests(body).values()}


def _dropping(body: Obj, answer: Obj, goes: Callable[[Obj], bool]) -> Obj:
    """The answer without some entries of the ledger, as a change that is to be committed."""
    before, entries = _entries(body["parent"]), _entries(answer)
    kept = [entry for entry in entries if not goes(entry)]
    if len(kept) != len(entries):
        revision = body["parent"].get("status", {}).get("revision", 0) + (kept != before)
        answer["status"] |= {"allocations": kept, "revision": max(revision, answer["status"]["revision"])}
        if not kept:
            del answer["status"]["allocations"]
        answer["status"].pop("capacity", None)
    return answer


# --- twists of the range's hook


def _publish_proposal(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    answer = ask(body)
    observed = {entry["uid"] for entry in _entries(body["parent"])}
    full = copied(body)
    full["parent"]["status"] = answer.get("status", {})
    later = ask(full)
    new = {entry["uid"] for entry in _entries(answer)} - observed
    names = {child["metadata"]["name"] for child in answer.get("children", [])}
    for child in later.get("children", []):
        if child["spec"]["request"]["uid"] in new and child["metadata"]["name"] not in names:
            answer["children"].append(child)
    return answer


def _release_absent(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    return _dropping(body, ask(body), lambda entry: entry["uid"] not in _uids(body))


def _release_other_uid(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    present, uids = _requests(body), _uids(body)
    return _dropping(body, ask(body), lambda entry: entry["request"] in present and entry["uid"] not in uids)


def _release_by_clock(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    marked = {entry["uid"] for entry in _entries(body["parent"]) if "absentSince" in entry}
    return _dropping(body, ask(body), lambda entry: entry["uid"] in marked and "absentSince" in entry)


def _ignore_foreign_finalizers(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    for obj in _requests(body).values():
        if "deletionTimestamp" in obj["metadata"]:
            obj["metadata"]["finalizers"] = [REQUEST_FINALIZER]
    return ask(body)


def _place_anew(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    answer = ask(body)
    bare = copied(body)
    bare["parent"]["status"] = {**bare["parent"].get("status", {}), "allocations": []}
    bare["children"] = {ALLOCATIONS: {}}
    placed = ask(bare).get("status", {})
    if len(_entries({"status": placed})) < len(_entries(answer)):
        return answer
    revision = body["parent"].get("status", {}).get("revision", 0)
    changed = _entries({"status": placed}) != _entries(body["parent"])
    answer["status"] = placed | {"revision": revision + changed}
    return answer


def _order_of_the_wire(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    for number, obj in enumerate(_requests(body).values()):
        obj["metadata"]["creationTimestamp"] = f"2020-01-01T00:{number // 60 % 60:02}:{number % 60:02}Z"
    return ask(body)


def _finalize_without_closing(path: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    answer = ask(body)
    if path.endswith("finalize"):
        answer["finalized"] = not (_entries(body["parent"]) or _requests(body) or _answers(body))
    return answer


def _grant_without_finalizer(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    for obj in _requests(body).values():
        finalizers = obj["metadata"].get("finalizers", [])
        if "deletionTimestamp" not in obj["metadata"] and REQUEST_FINALIZER not in finalizers:
            obj["metadata"]["finalizers"] = [*finalizers, REQUEST_FINALIZER]
    return ask(body)


def _end_stale_answers(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    answer = ask(body)
    held = {entry["uid"] for entry in _entries(body["parent"])}
    present = {obj["metadata"]["uid"]: obj["metadata"] for obj in _requests(body).values()}
    kept = []
    for child in answer.get("children", []):
        uid = child["spec"]["request"]["uid"]
        if child["spec"]["state"] != "Ready" or uid in held:
            kept.append(child)
        elif "deletionTimestamp" in present.get(uid, {}):
            kept.append(child | {"spec": child["spec"] | {"state": "Released"}})
    return answer | {"children": kept}


def _let_go_before_the_commit(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    answer = ask(body)
    proposed = set(answer["status"].get("released", []))
    for child in answer.get("children", []):
        if child["spec"]["request"]["uid"] in proposed:
            child["spec"]["state"] = "Released"
    return answer


def _forget_the_living(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    status = body["parent"].setdefault("status", {})
    order = status.get("released", [])
    living = {obj["metadata"]["uid"] for obj in _requests(body).values() if "deletionTimestamp" not in obj["metadata"]}
    status["released"] = [uid for uid in order if uid not in living]
    answer = ask(body)
    added = [uid for uid in answer["status"].get("released", []) if uid not in order]
    if order or added:
        answer["status"]["released"] = [*order, *added]
    return answer


def _ignore_published(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    for obj in _requests(body).values():
        obj.get("status", {}).pop("cidr", None)
    return ask(body)


def _ignore_going_namespace(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    for obj in body["related"].get("Namespace.v1", {}).values():
        obj["metadata"].pop("deletionTimestamp", None)
    return ask(body)


def _never_look_again(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    return ask(body) | {"resyncAfterSeconds": 0}


def _look_again_at_once(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    return ask(body) | {"resyncAfterSeconds": 0.05}


def _answer_less(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    answer = ask(body)
    busy = {"Busy", "Invalid"}
    if any(child["spec"]["state"] in busy for child in answer.get("children", [])):
        return answer | {"children": []}
    return answer


def _allow_everybody(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    body["parent"]["spec"]["allowedNamespaces"] = {"from": "All"}
    return ask(body)


def _hand_out_the_gateway(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    network = copied(body["parent"]["spec"].get("network", {}))
    body["parent"]["spec"].get("network", {}).pop("gateway", None)
    answer = ask(body)
    for child in answer.get("children", []):
        if "network" in child["spec"]:
            child["spec"]["network"] = network
    return answer


def _tell_no_network(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    for obj in body["related"].get(ALLOCATIONS, {}).values():
        obj["spec"].pop("network", None)
    return ask(body)


def _strangers_hold(path: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    answer = ask(body)
    return answer | {"finalized": False} if path.endswith("finalize") and _requests(body) else answer


# --- twists of the request's hook


def _obey_orphans(_: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    reference = body["object"]["spec"]["ipam"]
    for obj in body["related"].get(ALLOCATIONS, {}).values():
        owner = {"kind": "IPAMRange", "apiVersion": obj["apiVersion"], "name": reference["name"], "uid": "any"}
        obj["metadata"]["ownerReferences"] = [owner | {"controller": True}]
    return ask(body)


def _go_without_release(path: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    answer = ask(body)
    if path.endswith("finalize") and not body["related"].get(ALLOCATIONS):
        return {"finalized": True}
    return answer


def _go_at_once(path: str, body: Obj, ask: Callable[[Obj], Obj]) -> Obj:
    return {"finalized": True} if path.endswith("finalize") else ask(body)


# --- changes of the CRDs


def _root(crds: dict[str, Obj], plural: str) -> Any:
    return crds[plural]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def _no_cas(crds: dict[str, Obj]) -> None:
    del _root(crds, "ipamranges")["x-kubernetes-validations"][0]


def _cas_by_ledger_alone(crds: dict[str, Obj]) -> None:
    rule = _root(crds, "ipamranges")["x-kubernetes-validations"][0]
    flat = " ".join(rule["rule"].split())
    text = flat.replace("|| (self.status.revision == oldSelf.status.revision && ", "|| (", 1)
    assert text != flat, "the rule has no comparison of equal revisions"
    rule["rule"] = text


def _no_default_revision(crds: dict[str, Obj]) -> None:
    status = _root(crds, "ipamranges")["properties"]["status"]
    del status["default"]["revision"]
    status.pop("required", None)


def _published_may_change(crds: dict[str, Obj]) -> None:
    _root(crds, "ipamrequests").pop("x-kubernetes-validations")
    _root(crds, "ipamallocations")["properties"]["spec"].pop("x-kubernetes-validations")


RANGE, REQUEST = "/ipamrange/", "/ipamrequest/"
MUTANTS: tuple[Mutant, ...] = (
    Mutant("no compare and swap", "S2", crds=_no_cas),
    Mutant("compare and swap by the ledger without the revision", "S2", crds=_cas_by_ledger_alone),
    Mutant("no revision in the default status", "S2, §10.8", crds=_no_default_revision),
    Mutant("publish the proposal", "S3", path=RANGE, twist=_publish_proposal),
    Mutant("place everybody anew in each call", "S4", path=RANGE, twist=_place_anew),
    Mutant("release on absence", "S5", path=RANGE, twist=_release_absent),
    Mutant("release what is marked absent", "S5", path=RANGE, twist=_release_by_clock),
    Mutant("another uid of the same name as proof", "S5", path=RANGE, twist=_release_other_uid),
    Mutant("foreign finalizers ignored", "S5 a", path=RANGE, twist=_ignore_foreign_finalizers),
    Mutant("grant without our finalizer", "S5 a", path=RANGE, twist=_grant_without_finalizer),
    Mutant("order from the wire", "S6", path=RANGE, twist=_order_of_the_wire),
    Mutant("everybody is allowed", "Allowed", path=RANGE, twist=_allow_everybody),
    Mutant("requests that are not allowed hold a range", "Gone", path=RANGE, twist=_strangers_hold),
    Mutant("the gateway is handed out", "InsideRange", path=RANGE, twist=_hand_out_the_gateway),
    Mutant("nobody is told of the network", "Informed", path=REQUEST, twist=_tell_no_network),
    Mutant("an answer computed from half a body", "S7", path=RANGE, twist=_answer_less),
    Mutant("published cidr ignored", "§10.1", path=RANGE, twist=_ignore_published),
    Mutant("finalize without closing", "§10.2", path=RANGE, twist=_finalize_without_closing),
    Mutant("a stale Ready answer is ended", "decision 1, §10.3", path=RANGE, twist=_end_stale_answers),
    Mutant("orphans are obeyed", "§10.4", path=REQUEST, twist=_obey_orphans),
    Mutant("no second look", "§10.5", twist=_never_look_again),
    Mutant("a second look at once", "Calm", path=RANGE, twist=_look_again_at_once),
    Mutant("answers in a namespace that is going", "§10.6", path=RANGE, twist=_ignore_going_namespace),
    Mutant("let go before the release is committed", "S3", path=RANGE, twist=_let_go_before_the_commit),
    Mutant("a release is forgotten while the request seems alive", "decision 5", path=RANGE, twist=_forget_the_living),
    Mutant("a request goes when its answer is gone", "decision 1", path=REQUEST, twist=_go_without_release),
    Mutant("a request goes at once", "S5 a", path=REQUEST, twist=_go_at_once),
)
