"""The answers of a range as its children: which slice has which of them.

An answer that exists stays in its slice. A new one goes to the slice whose name follows from its request, and waits if
there is no room. Metacontroller stores each object a second time in an annotation, and Kubernetes takes 256 KiB for all
annotations of an object; an item beyond that would make every update of its slice fail.

A slice that is written says which revision of the ledger its call proposes; in a large range one is written for that
alone. The next call waits until it sees that ledger (slices.py).

An update of a slice is refused if the slice has changed since it was observed, so that items can be dropped by it in
one step. Two things need more care:

    Metacontroller removes from a slice only items that it wrote there. Another item that must be dropped is returned
    once as it is; then it counts as written.
    Metacontroller deletes a slice whatever it contains by now. So a slice is left out only if it is empty, too old for
    a cache not to know the requests that it was made for, none of them is left, and no holder is unknown to this call.
    Its age does not matter once the range is closing: no further request is granted a block then.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec.structs import replace

from hooks.api import names
from hooks.api.kinds import Answer, Network, Proposal, SliceObject, SliceSpec
from hooks.protocol.decoding import applied_uids, encode
from hooks.ranges.observed import Observed

#: Items are added to a slice up to this number of them and this size of all of them as JSON ...
ITEM_COUNT_FOR_NEW_ITEMS_MAX = 1_000
BYTES_FOR_NEW_ITEMS_MAX = 200_000
#: ... and releases a little beyond that, as only a release ends an item; the CRD admits no more items than that
#: (crds/ipamallocationslices.yaml).
ITEM_COUNT_MAX = 1_024
BYTES_MAX = 250_000
#: In a range with so many requests each proposal is announced in a slice: one that is made in vain takes seconds.
ANNOUNCED_REQUEST_COUNT_MIN = 1_000
#: A slice without items is left out if it was created so long ago.
EMPTY_AGE_MIN = timedelta(minutes=10)

_GRANT_BYTES = len(',"cidr":"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128","network":,"revision":9223372036854775807')
#: What Metacontroller writes as six characters (such as \u003c), and by how many bytes that is longer.
_ESCAPED = {b"<": 5, b">": 5, b"&": 5, "\u2028".encode(): 3, "\u2029".encode(): 3}

Items = dict[str, Answer]  # by uid

_uid = attrgetter("uid")


class Placement(NamedTuple):
    """The slices that should exist.

    Attributes:
        children: the slices, sorted by name.
        delayed_count: number of answers that are published once there is room for them in their slices.
        is_complete: whether these answers, and no other items, exist already.
        has_news: whether one of these answers does not exist yet, or says something else.
    """

    children: list[dict[str, Any]]
    delayed_count: int
    is_complete: bool
    has_news: bool


class _Contents(NamedTuple):
    """The items that one slice should have, sorted, and the number of answers that wait for room in it."""

    items: list[Answer]
    delayed_count: int


def placed(answers: Mapping[str, Answer], observed: Observed, proposed_revision: int, now: datetime) -> Placement:
    """The slices for these answers.

    While the namespace is terminating, no slice is created.

    Args:
        answers: by uid of the request.
        observed: what the call sees.
        proposed_revision: of the ledger that the call proposes.
        now: when it takes place.
    """
    proposal = Proposal(proposed_revision, now) if proposed_revision > observed.ledger.revision else None
    additions = _additions(answers, observed)
    has_additions = bool(additions)
    specs: dict[str, SliceSpec] = {}
    delayed_count = 0
    for name, existing in observed.slices.own.items():
        contents = _next_contents(existing, answers, additions.pop(name, []), observed)
        delayed_count += contents.delayed_count
        if contents.items or not _can_be_left_out(existing, observed, now):
            # Metacontroller adds items at the end.
            is_as_before = contents.items == sorted(existing.spec.answers, key=_uid)
            specs[name] = _spec(contents.items, existing.spec.proposed if is_as_before else proposal, observed)
    for name, new in additions.items():
        if name not in observed.slices.names_taken and not observed.namespace_is_terminating:
            contents = _fitting({}, {}, new, observed.terms.network)
            delayed_count += contents.delayed_count
            specs[name] = _spec(contents.items, proposal, observed)
    if proposal and len(observed.requests) >= ANNOUNCED_REQUEST_COUNT_MIN:
        _announce(proposal, specs)
    children = [*observed.slices.unreadable, *(_child(name, spec, observed) for name, spec in specs.items())]
    children.sort(key=lambda child: child["metadata"]["name"])
    existing_answers = observed.answers
    is_complete = answers == existing_answers and len(answers) == observed.slices.item_count
    has_news = has_additions or (
        not is_complete and any(existing_answers[uid] != answer for uid, answer in answers.items())
    )
    return Placement(children, delayed_count, is_complete=is_complete, has_news=has_news)


def _announce(proposal: Proposal, specs: dict[str, SliceSpec]) -> None:
    """Have the slice with the fewest answers say what the call proposes, if no other slice says so."""
    if specs and all(spec.proposed is not proposal for spec in specs.values()):
        shortest = min(specs, key=lambda name: (len(specs[name].answers), name))
        specs[shortest] = replace(specs[shortest], proposed=proposal)


def _additions(answers: Mapping[str, Answer], observed: Observed) -> dict[str, list[Answer]]:
    """The answers that do not exist yet, by name of the slice; each of them has an observed request."""
    additions: dict[str, list[Answer]] = {}
    for uid in answers.keys() - observed.answers.keys():
        additions.setdefault(observed.slices.name_for(observed.requests[uid]), []).append(answers[uid])
    return additions


def _next_contents(
    existing: SliceObject, answers: Mapping[str, Answer], new: list[Answer], observed: Observed
) -> _Contents:
    """What a slice that exists should have next."""
    before: Items = {}
    after: Items = {}
    answers_now = observed.answers
    for item in existing.spec.answers:
        uid = item.uid
        before[uid] = item
        if answers_now.get(uid) is item:
            if next_item := answers.get(uid):
                after[uid] = next_item
        elif uid not in observed.requests:  # an item in another slice counts for now
            after[uid] = item
    if len(after) < len(before):
        written = applied_uids(existing.metadata.annotations.text)
        before = {uid: item for uid, item in before.items() if uid in after or uid not in written}
        after = before | after
    if not new and before == after:
        return _Contents(sorted(after.values(), key=_uid), 0)
    return _fitting(before, after, new, observed.terms.network)


def _fitting(before: Items, after: Items, new: list[Answer], network: Network | None) -> _Contents:
    """The items that have room: those that exist always, but their changes and new items in order of uids.

    A new item that is a release comes first and has more room: its request may not wait for the end of another one.

    Args:
        before: items as they are, without those that are to be dropped.
        after: the same as they should be.
        new: other items that should be added.
        network: that of the range, which an item without a block may get.
    """
    everything = sorted([*after.values(), *new], key=_uid)
    if _has_room(len(everything), _byte_count(everything, network), is_release=False):
        return _Contents(everything, 0)
    items, delayed_count = dict(before), 0
    total = _byte_count(before.values(), network)
    for uid, item in sorted(after.items()):
        growth = _byte_count([item], network) - _byte_count([items[uid]], network)
        if growth <= 0 or total + growth <= BYTES_MAX:
            items[uid] = item
            total += growth
        else:
            delayed_count += 1
    for item in sorted(new, key=lambda item: (not _is_release(item), item.uid)):
        growth = _byte_count([item], network)
        if _has_room(len(items) + 1, total + growth, is_release=_is_release(item)):
            items[item.uid] = item
            total += growth
        else:
            delayed_count += 1
    return _Contents(sorted(items.values(), key=_uid), delayed_count)


def _has_room(item_count: int, byte_count: int, *, is_release: bool) -> bool:
    """Whether a slice with so many items of so many bytes can have a new item, which is one of them."""
    if is_release:
        return item_count <= ITEM_COUNT_MAX and byte_count <= BYTES_MAX
    return item_count <= ITEM_COUNT_FOR_NEW_ITEMS_MAX and byte_count <= BYTES_FOR_NEW_ITEMS_MAX


def _is_release(item: Answer) -> bool:
    return item.state == "Released"


def _byte_count(items: Collection[Answer], network: Network | None) -> int:
    """Size of items as Metacontroller writes them; one without a block counts as if it had one, as it may get one."""
    encoded = encode(list(items))
    escaped_bytes = sum(encoded.count(text) * more for text, more in _ESCAPED.items())
    grant_bytes = _GRANT_BYTES + len(encode(network))
    return len(encoded) + escaped_bytes + grant_bytes * sum(not item.cidr for item in items)


def _can_be_left_out(existing: SliceObject, observed: Observed, now: datetime) -> bool:
    """Whether a slice that should have no items can be deleted; it may have got some that this call does not show."""
    if existing.spec.answers:
        return False
    if not observed.ledger.closing and now - existing.metadata.creation_timestamp < EMPTY_AGE_MIN:
        return False
    return observed.knows_all_holders and existing.metadata.name not in observed.slices_with_requests


def _spec(items: list[Answer], proposed: Proposal | None, observed: Observed) -> SliceSpec:
    return SliceSpec(observed.name.name, items, proposed, schema_v1=True)


def _child(name: str, spec: SliceSpec, observed: Observed) -> dict[str, Any]:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.SLICE_KIND,
        "metadata": {"namespace": observed.name.namespace, "name": name},
        "spec": spec,
    }
