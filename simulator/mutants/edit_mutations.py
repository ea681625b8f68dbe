"""Mutations of what happens when a range is edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.mutants.mutations import extents_of, requests_of
from simulator.names import CIDR_ANNOTATION, EXTENTS_KEY, LEDGER_FIELDS

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Obj
    from simulator.mutants.mutations import Ask


def cas_without_generation(crds: dict[str, Obj]) -> None:
    """Accept a status of an older spec, if the rest of the ledger is the same."""
    root: Any = crds["ipamranges"]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    rule = root["x-kubernetes-validations"][0]
    flat = " ".join(rule["rule"].split())
    term = "&& self.status.?observedGeneration.orValue(0) == oldSelf.status.?observedGeneration.orValue(0) "
    assert term in flat, "the rule does not compare generations"
    rule["rule"] = flat.replace(term, "")


def edit_without_revision(_: str, body: Obj, ask: Ask) -> Obj:
    """An edit alone is no change of the ledger."""
    answer, before = ask(body), body["parent"].get("status", {})
    status = answer["status"]
    rest = [name for name in LEDGER_FIELDS if name not in {"observedGeneration", "gateways", "wasShared", "removable"}]
    if all(status.get(name) == before.get(name) for name in rest):
        status["revision"] = before.get("revision", 0)
    return answer


def ignore_excludes(_: str, body: Obj, ask: Ask) -> Obj:
    """Excluded addresses are granted."""
    body["parent"]["spec"].pop("excludes", None)
    return ask(body)


def name_all_as_removable(_: str, body: Obj, ask: Ask) -> Obj:
    """Entries of a range that are excluded can be removed, whether a request holds a block of them or not."""
    answer, before = ask(body), body["parent"].get("status", {})
    spec, status = body["parent"]["spec"], answer["status"]
    if texts := [text for text in spec.get("ranges", ()) if text in spec.get("excludes", ())]:
        status["removable"] = texts
        is_changed = texts != before.get("removable")
        status["revision"] = max(status["revision"], before.get("revision", 0) + is_changed)
    return answer


def give_up_what_is_excluded(_: str, body: Obj, ask: Ask) -> Obj:
    """An extent gives up the entries that are excluded, whether a request holds a block of them or not."""
    answer, spec = ask(body), body["parent"]["spec"]
    if texts := {text for text in spec.get("ranges", ()) if text in spec.get("excludes", ())}:
        for child in extents_of(answer):
            child["spec"]["withdrawn"] = sorted(texts.union(child["spec"].get("withdrawn", ())))
    return answer


def delete_what_gave_up_a_part(_: str, body: Obj, ask: Ask) -> Obj:
    """An extent is deleted as soon as it has given up any of its addresses."""
    answer = ask(body)
    given_up = [child for child in extents_of(answer) if child["spec"].get("withdrawn")]
    return answer | {"children": [child for child in answer["children"] if child not in given_up]}


def keep_all_extents(_: str, body: Obj, ask: Ask) -> Obj:
    """An extent that has given up all of its addresses stays."""
    answer = ask(body)
    returned = [child["metadata"]["name"] for child in answer["children"]]
    for obj in body["children"].get(EXTENTS_KEY, {}).values():
        if obj["spec"].get("withdrawn") and obj["metadata"]["name"] not in returned and not body["finalizing"]:
            kept = {name: obj["metadata"][name] for name in ("namespace", "name", "labels")}
            answer["children"].append({**obj, "metadata": kept})
    return answer


def ignore_closing(_: str, body: Obj, ask: Ask) -> Obj:
    """A closed range grants blocks."""
    body["parent"]["spec"].pop("closed", None)
    return ask(body)


def forget_gateways(_: str, body: Obj, ask: Ask) -> Obj:
    """A former gateway is granted, though a holder uses it."""
    spec, status = body["parent"]["spec"], body["parent"].get("status", {})
    recorded = status.pop("gateways", [])
    if present := [text for text in recorded if text == spec.get("network", {}).get("gateway")]:
        status["gateways"] = present
    answer = ask(body)
    if answer["status"].get("gateways", []) != recorded:
        answer["status"]["revision"] = status.get("revision", 0) + 1
    return answer


def forget_what_was_copied(_: str, body: Obj, ask: Ask) -> Obj:
    """A request copies the network settings of each answer."""
    (body["object"].get("status") or {}).pop("revision", None)
    return ask(body)


def publish_by_any_spec(_: str, body: Obj, ask: Ask) -> Obj:
    """A range answers by a spec that its ledger does not show."""
    status, generation = body["parent"].get("status", {}), body["parent"]["metadata"]["generation"]
    shown = status.get("observedGeneration", generation)
    if "observedGeneration" in status:
        status["observedGeneration"] = generation
    answer = ask(body)
    if shown != generation:
        answer["status"]["revision"] = status.get("revision", 0) + 1
    return answer


def return_nothing_retired(_: str, body: Obj, ask: Ask) -> Obj:
    """On hold a range serves no request that records retired addresses."""
    if body["parent"]["spec"].get("excludes"):
        for obj in requests_of(body).values():
            obj["metadata"].get("annotations", {}).pop(CIDR_ANNOTATION, None)
    return ask(body)
