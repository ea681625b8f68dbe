"""The way of one request: created, labelled, recorded, answered, published, delegated; and what it waits for."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from hooks.api import names
from hooks.api.kinds import Answer, DelegatedRange
from hooks.api.names import NamespacedName, range_label
from hooks.api.shards import is_request_finalizer
from hooks.api.times import timestamp
from hooks.integrations.claimed_requests import GARBAGE_COLLECTOR_FINALIZERS
from hooks.ranges.ledger import LedgerEntry
from kubectl_ipam import resources
from kubectl_ipam.documents import held_since, wanted
from kubectl_ipam.objects import Request, Slice
from kubectl_ipam.remedies import releases_for
from kubectl_ipam.resources import Resource
from kubectl_ipam.snapshot import Snapshot
from kubectl_ipam.views import RangeView


class Mark(StrEnum):
    """How far a step is."""

    DONE = "done"
    WAITING = "waiting"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """What would show it was not read, for example because of the user's rights."""


class Step(NamedTuple):
    """A step of the way of a request.

    Attributes:
        mark: how far it is.
        name: one word.
        text: a sentence without a full stop.
    """

    mark: Mark
    name: str
    text: str


class Explanation(NamedTuple):
    """Where a request stands.

    Attributes:
        request: the request.
        steps: its way so far, and the first step that it waits for.
        remedies: what would have to happen for it to be served, as sentences.
        next_command: what to type next.
    """

    request: Request
    steps: list[Step]
    remedies: list[str]
    next_command: str


def explained(snapshot: Snapshot, request: Request) -> Explanation:
    """Explain a request by what was read."""
    range_ = snapshot.ranges.get(str(request.range_name))
    view = RangeView(snapshot, range_) if range_ else None
    steps = list(_up_to_the_first_open(_steps(snapshot, request, view)))
    if request.metadata.deletion_timestamp:
        steps.append(_deletion(snapshot, request, view))
    last = steps[-1]
    if last.name == "delegated" or (last.name == "deleted" and request.status.range):
        remedies, command = _for_delegation(request, last)
    elif view is None and last.name in ("range", "published") and last.mark is not Mark.DONE:
        remedies, command = _without_range(request, last)
    else:
        remedies, command = _what_next(request, view, last)
    return Explanation(request, steps, remedies, command)


def _up_to_the_first_open(steps: Iterator[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        if step.mark in (Mark.WAITING, Mark.FAILED):
            return


def _steps(snapshot: Snapshot, request: Request, view: RangeView | None) -> Iterator[Step]:
    meta = request.metadata
    wants = wanted(request) or "a block of the default size"
    yield Step(
        Mark.DONE, "created", f"{timestamp(meta.creation_timestamp)}, asks range {request.range_name} for {wants}"
    )
    yield _prepared(request)
    yield _range_step(snapshot, request, view) if view else _unseen_range_step(snapshot, request)
    if view is None:
        yield _published(request, None) if request.status.cidr else _unserved(request)
    elif view.fault or view.terms.invalid_reason:
        return
    else:
        answer = _answer(snapshot, request, view)
        yield _committed(request, view, view.ledger.entries.get(meta.uid))
        yield _answered(*answer) if answer else _not_answered(snapshot, _slice_of(request, view))
        yield _published(request, answer)
    if request.delegated_name:
        yield _delegated(snapshot, request, request.delegated_name)


def _prepared(request: Request) -> Step:
    meta, wanted_label = request.metadata, range_label(request.range_name)
    label = meta.labels.get(names.RANGE_LABEL, "")
    if label != wanted_label:
        text = f'its label {names.RANGE_LABEL} is "{label}", not "{wanted_label}", so its range does not see it'
        return Step(Mark.WAITING, "labelled", text)
    if not any(map(is_request_finalizer, meta.finalizers)):
        return Step(
            Mark.WAITING, "labelled", "it has its label, but no finalizer of ipam yet, and gets no block before"
        )
    return Step(
        Mark.DONE, "labelled", "it has the label by which its range finds it, and the finalizer that protects it"
    )


def _unseen_range_step(snapshot: Snapshot, request: Request) -> Step:
    """What is known of a range that was not read."""
    name, cidr = request.range_name, request.status.cidr
    if not snapshot.lacks(resources.RANGES, str(name)):
        return Step(Mark.UNKNOWN, "range", f"range {name} can't be read{_cause(snapshot, resources.RANGES, name)}")
    risk = f": nothing protects {cidr}, which it shows" if cidr else ""
    return Step(Mark.FAILED, "range", f"range {name} does not exist{risk}")


def _range_step(snapshot: Snapshot, request: Request, view: RangeView) -> Step:
    name, namespace = request.range_name, request.metadata.namespace
    if view.fault:
        return Step(Mark.FAILED, "range", f"the ledger of range {name} can't be read: {view.fault}")
    if view.terms.invalid_reason:
        return Step(Mark.FAILED, "range", f"range {name} is invalid: {view.terms.invalid_reason}")
    if not view.observed.allows(namespace) and request.metadata.uid not in view.ledger.entries:
        if view.refuses(namespace):
            return Step(Mark.FAILED, "range", f"range {name} does not serve requests of namespace {namespace}")
        text = f"range {name} selects namespaces by labels, which can't be read"
        return Step(Mark.UNKNOWN, "range", f"{text}{_cause(snapshot, resources.NAMESPACES, namespace)}")
    return Step(Mark.DONE, "range", f"range {name} serves it")


def _cause(snapshot: Snapshot, resource: Resource, name: NamespacedName | str) -> str:
    """Why an object can't be read, as the rest of a sentence."""
    group = snapshot.raw.get(resource)
    if group is None and resource not in snapshot.denied:
        return f": {snapshot.origin} has no {resource.plural}"
    if group and str(name) in group:
        return ": kubectl ipam check says why"
    return f": {snapshot.origin} has only namespace {snapshot.namespace}" if snapshot.is_dump else " with your rights"


def _unserved(request: Request) -> Step:
    """What a request shows that has no block, if nothing else is known."""
    state, message = request.status.state, request.status.message
    text = f"it shows {state or 'no answer'}{f': {message}' if message else ''}"
    return Step(Mark.FAILED if state == "Invalid" else Mark.WAITING, "published", text)


def _committed(request: Request, view: RangeView, entry: LedgerEntry | None) -> Step:
    if entry is not None:
        return Step(
            Mark.DONE, "committed", f"the ledger records {entry.prefix} (now at revision {view.ledger.revision})"
        )
    if request.metadata.uid in view.ledger.released:
        return Step(Mark.FAILED, "committed", "the ledger records its release: it never gets a block again")
    refusal = view.refusal_of(request) or request.status.message
    mark = Mark.FAILED if request.status.state == "Invalid" else Mark.WAITING
    return Step(mark, "committed", refusal or "it has not been decided yet")


def _answer(snapshot: Snapshot, request: Request, view: RangeView) -> tuple[Slice, Answer] | None:
    found = snapshot.slices.get(_slice_of(request, view))
    answers = (each for each in found.spec.answers if each.uid == request.metadata.uid) if found else ()
    answer = next(iter(answers), None)
    return (found, answer) if found and answer else None


def _slice_of(request: Request, view: RangeView) -> str:
    """The slice that has the answer to a request, as "namespace/name"."""
    place = names.slice_name(view.name, request.metadata.creation_timestamp, request.metadata.uid)
    return f"{view.name.namespace}/{place}"


def _not_answered(snapshot: Snapshot, key: str) -> Step:
    slices = snapshot.raw.get(resources.SLICES)
    if slices is None or (key in slices and key not in snapshot.slices):
        cause = _cause(snapshot, resources.SLICES, key)
        return Step(Mark.UNKNOWN, "answered", f"slice {key}, which has its answer, can't be read{cause}")
    return Step(Mark.WAITING, "answered", "its answer is written with the next call of the range's hook")


def _answered(slice_: Slice, answer: Answer) -> Step:
    what = answer.cidr or answer.message
    text = f"slice {slice_.metadata.name} answers {answer.state}: {what} (revision {answer.revision})"
    return Step(Mark.DONE if answer.state == "Ready" else Mark.WAITING, "answered", text)


def _published(request: Request, found: tuple[Slice, Answer] | None) -> Step:
    since = held_since(request)
    if not request.status.cidr and found is None:
        return Step(Mark.WAITING, "published", "it shows no block")
    if not request.status.cidr:
        return Step(Mark.WAITING, "published", "its answer is copied to its status with the next call of its own hook")
    if found and found[1].cidr and found[1].cidr != request.status.cidr:
        text = f"it shows {request.status.cidr}, but its answer is {found[1].cidr}"
        return Step(Mark.FAILED, "published", text)
    return Step(Mark.DONE, "published", f"it shows {request.status.cidr} since {timestamp(since) if since else 'then'}")


def _delegated(snapshot: Snapshot, request: Request, name: NamespacedName) -> Step:
    """How far the range is that is made from the block."""
    named, below = request.status.range, snapshot.range_below(request)
    if named:
        return _delegated_to(snapshot, request, name, named)
    if below is None and str(name) in snapshot.ranges:
        return Step(Mark.FAILED, "delegated", f"range {name} exists, and was not made from its block")
    fault = next((each.message for each in request.status.conditions if each.reason == "InvalidDelegate"), "")
    if fault:
        return Step(Mark.FAILED, "delegated", fault)
    what = "is created" if below is None else "exists, and allocates nothing before its request names it:"
    return Step(Mark.WAITING, "delegated", f"range {name} {what} with the next call of the request's hook")


def _delegated_to(snapshot: Snapshot, request: Request, name: NamespacedName, named: DelegatedRange) -> Step:
    """What became of the range that a request names in its status."""
    below = snapshot.range_below(request)
    if named.finished:
        text = f"range {name} was deleted, and a request delegates its block only once"
        return Step(Mark.FAILED, "delegated", text)
    if _is_unseen(snapshot, name):
        text = f"range {name}, made from its block, can't be read{_cause(snapshot, resources.RANGES, name)}"
        return Step(Mark.UNKNOWN, "delegated", text)
    if below is None or below.metadata.uid != named.uid:
        text = f"range {name} (uid {named.uid}) does not exist any more, and was not recorded as finished"
        return Step(Mark.FAILED, "delegated", text)
    held = _held_below(snapshot, request)
    return Step(Mark.DONE, "delegated", f"range {name} allocates from its block; {_listed(held)}")


def _is_unseen(snapshot: Snapshot, name: NamespacedName | None) -> bool:
    """Whether a range can't be read, and so may exist."""
    return str(name) not in snapshot.ranges and not snapshot.lacks(resources.RANGES, str(name))


def _held_below(snapshot: Snapshot, request: Request) -> list[str]:
    """The blocks of the range that was made from the block of a request, each with its holder."""
    below = snapshot.range_below(request)
    lines = below.status.allocations if below else []
    return [f"{each.cidr} of {each.holder}" for each in lines if each.released_at is None]


def _listed(held: list[str]) -> str:
    if not held:
        return "no block of it is held"
    more = f" and {len(held) - 5} more" if len(held) > 5 else ""
    return f"it holds {', '.join(held[:5])}{more}"


def _deletion(snapshot: Snapshot, request: Request, view: RangeView | None) -> Step:
    meta = request.metadata
    assert meta.deletion_timestamp is not None, "only a deleted request has this step"
    foreign = [each for each in meta.finalizers if not is_request_finalizer(each)]
    since = f"deleted at {timestamp(meta.deletion_timestamp)}"
    if foreign:
        waits = _claim_in_use(snapshot, request) if names.CLAIMED_FINALIZER in foreign else ""
        return Step(
            Mark.WAITING, "deleted", f"{since}; it keeps its block until {', '.join(foreign)} is removed{waits}"
        )
    named, below = request.status.range, snapshot.range_below(request)
    if named and not named.finished:
        name = request.delegated_name
        if _is_unseen(snapshot, name):
            return Step(Mark.WAITING, "deleted", f"{since}; range {name}, made from its block, ends first")
        if below is None or below.metadata.uid != named.uid:
            return Step(Mark.FAILED, "deleted", f"{since}; range {name}, made from its block, was removed by force")
        text = f"range {name}, made from its block, ends first: {_listed(_held_below(snapshot, request))}"
        return Step(Mark.WAITING, "deleted", f"{since}; {text}")
    held = view and not view.fault and meta.uid in view.ledger.entries
    waits = "its range has not released it yet" if held else "its finalizer has not been removed yet"
    return Step(Mark.WAITING, "deleted", f"{since}; {waits}")


def _claim_in_use(snapshot: Snapshot, request: Request) -> str:
    """What keeps the claim to which a deleted request is attached."""
    meta = request.metadata
    owner = meta.controller
    claim = snapshot.documents(resources.CLAIMS).get(f"{meta.namespace}/{owner.name}") if owner else None
    if not owner or not claim or claim["metadata"].get("uid") != owner.uid:
        return ""
    name = f"{owner.kind} {meta.namespace}/{owner.name}"
    if not claim["metadata"].get("deletionTimestamp"):
        return f", for which {name} must be deleted: its machine may still use the address"
    users = [each for each in claim["metadata"].get("finalizers") or [] if each not in GARBAGE_COLLECTOR_FINALIZERS]
    return f", which happens once {name} has lost {', '.join(users)}" if users else ""


# --- what would help --------------------------------------------------------------------------------------------------


def _what_next(request: Request, view: RangeView | None, last: Step) -> tuple[list[str], str]:
    meta, name = request.metadata, request.range_name
    if last.mark is Mark.DONE:
        return [], f"kubectl get ipamrequest -n {meta.namespace} {meta.name} -o jsonpath='{{.status.cidr}}'"
    if last.name in ("labelled", "answered", "published", "deleted") or view is None or view.fault:
        return _not_served(request, last)
    if view.terms.invalid_reason:
        return [], f"kubectl edit iprange -n {name.namespace} {name.name}"
    if last.name == "range":
        how = f"kubectl explain iprange.spec.allowedNamespaces; kubectl edit iprange -n {name.namespace} {name.name}"
        return ["extend allowedNamespaces of the range, or ask for another range"], how
    if request.status.state == "Invalid":
        return _another(request)
    remedies = list(releases_for(request, view))
    return remedies, f"kubectl ipam show {view.name}"


def _another(request: Request) -> tuple[list[str], str]:
    """What to do about a request that is never served."""
    meta = request.metadata
    return ["its spec never changes: delete it, and create one that asks for something else"], (
        f"kubectl delete ipamrequest -n {meta.namespace} {meta.name}"
    )


def _for_delegation(request: Request, last: Step) -> tuple[list[str], str]:
    """What to do about the range that is made from the block of a request."""
    meta, above, below = request.metadata, request.range_name, request.delegated_name
    named = request.status.range
    if last.mark in (Mark.DONE, Mark.UNKNOWN):
        return [], f"kubectl ipam show {below}"
    if last.name == "deleted" and last.mark is Mark.FAILED:
        reclaim = f"{names.RECLAIM_ANNOTATION}={meta.uid}"
        remedy = "if no consumer uses an address of the block any more, the owner of its range reclaims it"
        return [remedy], f"kubectl annotate --overwrite iprange -n {above.namespace} {above.name} {reclaim}"
    if last.name == "deleted" and named and not named.finished:
        return ["delete the requests of that range"], f"kubectl ipam show {below}"
    if last.name == "delegated" and last.mark is Mark.FAILED:
        another = (
            "delete the request, and create another one" if named else "delete that range, or create another request"
        )
        return [f"{another}{'' if named else ' with delegate.name'}"], f"kubectl ipam tree -n {meta.namespace}"
    return _not_served(request, last)


def _without_range(request: Request, last: Step) -> tuple[list[str], str]:
    """What to do about a request whose range does not exist, or can't be read."""
    meta = request.metadata
    if last.name == "range" and request.status.cidr:
        return ["create the range again: it returns the block"], "kubectl ipam check"
    if last.name == "range":
        return ["create the range, or delete the request and ask for another one"], "kubectl ipam show -A"
    if request.status.state == "Invalid":
        return _another(request)
    command = f"kubectl ipam explain {meta.namespace}/{meta.name}"
    remedy = f"ask someone who can read range {request.range_name} what would help: {command}"
    return [remedy], f"kubectl get ipamrequest -n {meta.namespace} {meta.name} -o wide"


def _not_served(request: Request, last: Step) -> tuple[list[str], str]:
    if last.name == "answered" and last.text.startswith("slice"):
        return [], f"kubectl ipam show {request.range_name}"
    return ["if this lasts longer than a minute, the hooks are not called"], "kubectl ipam check"
