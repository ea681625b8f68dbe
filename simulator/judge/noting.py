"""The effect of a write on the history: `note` takes the writes one after the other, in the order of the store."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from simulator.judge.addresses import block_of
from simulator.judge.extents import announced_by
from simulator.judge.facts import Cooled, Drop, Grant, Publication, Revision, Turn
from simulator.judge.foreign import note_foreign
from simulator.judge.holdings import ANSWER, LEDGER, STATUS, Holding
from simulator.judge.lives import Ledger, RangeLife, RequestLife, controlling_range, gateway_of
from simulator.judge.slices import Slice
from simulator.kubernetes.clock import parse_rfc3339
from simulator.kubernetes.objects import (
    annotations_of,
    controller_of,
    finalizers_of,
    is_deleting,
    joined,
    key_of,
    labels_of,
    meta,
    uid_of,
)
from simulator.names import (
    CIDR_ANNOTATION,
    CONTROLLER_MANAGER,
    END_COOLDOWN_ANNOTATION,
    HOLD_ANNOTATION,
    METACONTROLLER,
    PERSON,
    RANGE_FINALIZER,
    RANGE_LABEL,
    RECLAIM_ANNOTATION,
    REQUEST_FINALIZER,
    TENANT,
    of_all_shards,
)

if TYPE_CHECKING:
    from datetime import datetime

    from simulator.judge.facts import Write
    from simulator.judge.history import History
    from simulator.judge.lives import Cooling
    from simulator.judge.slices import Answer
    from simulator.kubernetes.objects import Obj

#: The writers that are people.
PEOPLE = frozenset({PERSON, TENANT})
#: S5 (b): how long a holder must have been absent before it can be given up.
ABSENCE = timedelta(minutes=1)
#: How long a deleted request without an answer keeps its finalizer.
NO_ANSWER_TIMEOUT = timedelta(seconds=10)


def note(history: History, write: Write) -> None:
    """Add the next write to the history."""
    history.now = write.at
    note_foreign(history, write)
    match write.plural:
        case "ipamranges":
            _note_range(history, write)
        case "ipamrequests":
            _note_request(history, write)
        case "ipamallocationslices":
            _note_slice(history, write)
        case "ipamextents":
            _note_extent(history, write)
        case "namespaces":
            _note_namespace(history, write)
        case _:
            pass


def _second(history: History) -> datetime | None:
    return history.now and history.now.replace(microsecond=0)


# --- ranges


def _note_range(history: History, write: Write) -> None:
    life = history.ranges.get(uid_of(write.obj))
    before, ledger = (life.ledger if life else Ledger()), Ledger.of(write.obj)
    if life is None:
        life = RangeLife(uid_of(write.obj), joined(key_of(write.obj)), write.obj, _second(history))
        history.add_range(life)
    elif not write.is_deletion:
        is_changed = before.fields != ledger.fields
        history.facts.revisions.append(Revision(life, before.revision, ledger.revision, is_changed))
        if ledger.generation < before.generation:
            history.facts.older_specs.append((life, before.generation, ledger.generation))
    _note_force(life, RANGE_FINALIZER, write)
    life.obj = write.obj
    _note_spec(history, life)
    life.reclaimed |= _uids_in(write.obj, RECLAIM_ANNOTATION)
    life.cooled |= _uids_in(write.obj, END_COOLDOWN_ANNOTATION)
    life.was_on_hold |= HOLD_ANNOTATION in annotations_of(write.obj)
    life.released = dict.fromkeys(ledger.released, ledger.revision) | life.released
    _note_turns(history, life, ledger)
    _note_drops(history, life, ledger)
    life.ledger = ledger
    if ledger.withheld != life.withheld[-1]:
        life.withheld.append(ledger.withheld)
    if "observedGeneration" in ledger.fields and (gateway := gateway_of(life.committed_spec)):
        life.committed_gateways.add(gateway)
    _note_grants(history, life, before)
    _note_marks(life)
    if ledger.revision != before.revision:
        life.changed_at = _second(history)
        life.specs_of_revision_before, life.specs_of_revision = life.specs_of_revision, [life.spec]
    history.facts.changed[life.uid] = life
    if write.is_deletion:
        life.is_deleted = True
        history.facts.deleted.append(life)


def _note_spec(history: History, life: RangeLife) -> None:
    life.generations.setdefault(meta(life.obj).get("generation", 1), life.spec)
    if life.specs and life.specs[-1] == life.spec:
        return
    if life.specs:
        history.facts.respecified.append(life)
    life.specs.append(life.spec)
    life.specs_of_revision.append(life.spec)


def _uids_in(obj: Obj, annotation: str) -> set[str]:
    """The uids that the owner of a range names in an annotation."""
    return set(annotations_of(obj).get(annotation, "").replace(",", " ").split())


def _note_turns(history: History, life: RangeLife, ledger: Ledger) -> None:
    for length in sorted(life.ledger.cursors.keys() | ledger.cursors.keys()):
        before, now = (cursors.get(length, "") for cursors in (life.ledger.cursors, ledger.cursors))
        if before != now:
            history.facts.turns.append(Turn(life, int(length), before, now))


def _note_drops(history: History, life: RangeLife, ledger: Ledger) -> None:
    """Note which entries the next ledger does not have any more; entries that cool down are no entries."""
    for uid, entry in life.ledger.entries.items():
        if uid not in ledger.entries or ledger.entries[uid].cidr != entry.cidr:
            life.dropped_at.setdefault(uid, ledger.revision)
            history.facts.drops.append(Drop(life, uid, entry.cidr, _is_proven(history, life, uid)))
    for uid, cooling in life.ledger.cooling.items():
        if uid not in ledger.cooling:
            is_early = uid in life.cooled or _is_returned(history, ledger, cooling)
            history.facts.cooled.append(Cooled(life, cooling.cidr, cooling.since, is_early))


def _is_returned(history: History, ledger: Ledger, cooling: Cooling) -> bool:
    """Whether a request of the namespace and name of the former holder has exactly this block now."""
    holders = [uid for uid, entry in ledger.entries.items() if entry.cidr == cooling.cidr]
    return any(uid in history.requests and history.requests[uid].name == cooling.request for uid in holders)


def _is_proven(history: History, life: RangeLife, uid: str) -> bool:
    """Whether an entry may leave the ledger by S5; a holder that is given up by (b) is free from then on."""
    request = history.requests.get(uid)
    if request is not None and request.is_released:
        return True
    since = life.marked.pop(uid, None)
    is_abandoned = request is not None and request.awaits_range and _is_unheld(request.obj)
    if uid in life.reclaimed and is_abandoned:
        life.given_up.add(uid)
        return True
    if uid in life.reclaimed and _was_absent(history, since):
        life.given_up.add(uid)
        return True
    return False


def _was_absent(history: History, since: datetime | None) -> bool:
    """Whether a holder has been absent for long enough; without times, whether it was marked at all."""
    if history.clocks_were_wrong:
        return True
    return since is not None and (history.now is None or history.now - since >= ABSENCE - history.clock_spread)


def _note_grants(history: History, life: RangeLife, before: Ledger) -> None:
    for uid, entry in life.ledger.entries.items():
        if uid not in before.entries or before.entries[uid].cidr != entry.cidr:
            request = history.requests.get(uid)
            is_return = request is not None and before.cools_for(entry.cidr, request.name)
            history.facts.grants.append(Grant(life, uid, entry.cidr, is_return))
            life.granted.setdefault(uid, entry.cidr)
            life.granted_at.setdefault(uid, life.ledger.revision)
            life.dropped_at.pop(uid, None)
            life.holders.add((entry.cidr, request.name if request else entry.request))
            _note_holding(history, Holding(block_of(entry.cidr), life.uid, uid, LEDGER))
    for uid, cooling in life.ledger.cooling.items():
        if uid not in before.cooling:
            _note_holding(history, Holding(block_of(cooling.cidr), life.uid, uid, LEDGER))


def _note_marks(life: RangeLife) -> None:
    for uid, entry in life.ledger.entries.items():
        if not entry.absent_since:
            life.marked.pop(uid, None)
        elif uid not in life.marked:
            since = parse_rfc3339(entry.absent_since)
            life.marked[uid] = max(since, life.changed_at) if life.changed_at else since


# --- requests


def _note_request(history: History, write: Write) -> None:
    obj = write.obj
    life = history.requests.get(uid_of(obj))
    before = life.cidr if life else ""
    if life is None:
        life = history.requests[uid_of(obj)] = RequestLife(uid_of(obj), joined(key_of(obj)), obj)
        life.first_record = str(annotations_of(obj).get(CIDR_ANNOTATION, ""))
        life.first_spec = life.spec
    had_finalizer = of_all_shards(finalizers_of(life.obj), REQUEST_FINALIZER)
    _note_force(life, REQUEST_FINALIZER, write)
    has_finalizer = of_all_shards(finalizers_of(obj), REQUEST_FINALIZER)
    if had_finalizer and not has_finalizer and write.writer not in PEOPLE:
        life.is_removed_unanswered = _was_unanswered(history, life)
    if labels_of(obj).get(RANGE_LABEL) != labels_of(life.obj).get(RANGE_LABEL):
        life.was_hidden |= write.writer in {PERSON, ""}
    life.is_edited |= write.writer in PEOPLE and obj.get("status") != life.obj.get("status")
    if life.cidr and not life.is_edited and _network(obj) != _network(life.obj):
        history.facts.networks_changed.append(life)
    life.obj = obj
    if CIDR_ANNOTATION in annotations_of(obj):
        life.records.add(str(annotations_of(obj)[CIDR_ANNOTATION]))
    life.is_deleted |= write.is_deletion
    life.is_released = life.is_deleted or (_is_unheld(obj) and not life.awaits_range)
    if life.cidr != before:
        life.is_written_by_person = write.writer in PEOPLE
        history.was_forged |= life.is_written_by_person
        _note_publication(history, life, before)


def _network(request: Obj) -> Obj:
    """The network settings that a request shows."""
    network: Obj = (request.get("status") or {}).get("network", {})
    return network


def _is_unheld(request: Obj) -> bool:
    """S5 (a): whether a request is in deletion and has no other finalizer than ours."""
    finalizers = finalizers_of(request)
    return is_deleting(request) and of_all_shards(finalizers, REQUEST_FINALIZER) == finalizers


def _note_publication(history: History, life: RequestLife, before: str) -> None:
    """Note the block that a request shows, and the youngest life of a range that ever granted it this block."""
    publishers = [each.uid for each in history.ranges.values() if each.granted.get(life.uid) == life.cidr]
    life.published_by = publishers[-1] if publishers else ""
    history.facts.published.append(Publication(life, before, life.cidr))
    if life.published_by:
        _note_holding(history, Holding(block_of(life.cidr), life.published_by, life.uid, STATUS))


def _was_unanswered(history: History, life: RequestLife) -> bool:
    """Whether the finalizer was removed after the no-answer timeout, and no answer is Released."""
    deleted = meta(life.obj).get("deletionTimestamp")
    if deleted is None or history.now is None:
        return False
    is_timed_out = (
        history.clocks_were_wrong or history.now - parse_rfc3339(deleted) >= NO_ANSWER_TIMEOUT - history.clock_spread
    )
    return is_timed_out and not any(each.state == "Released" for each in history.answers_to(life.uid))


# --- slices


def _note_slice(history: History, write: Write) -> None:
    name = joined(key_of(write.obj))
    before = history.slices.pop(name, None)
    now = None if write.is_deletion else Slice.of(write.obj, _answering(history, write), before)
    if now is not None:
        history.slices[name] = now
        if write.writer in PEOPLE and before and annotations_of(before.obj) != annotations_of(now.obj):
            history.unrecorded |= now.answers.keys()
    if write.writer == METACONTROLLER and before is not None and _begins_deletion(before, write):
        history.facts.left_out.append(before)
    _note_answers(history, before.answers if before else {}, now.answers if now else {}, write)


def _begins_deletion(before: Slice, write: Write) -> bool:
    """Whether a slice is deleted, or only marked because a finalizer keeps it."""
    return not is_deleting(before.obj) and (write.is_deletion or is_deleting(write.obj))


def _answering(history: History, write: Write) -> RangeLife | None:
    """The range that a slice belongs to: its controller, or by its name if no other writer can have made it."""
    controller = controlling_range(write.obj)
    if controller or write.writer:
        return history.ranges.get(controller)
    return history.living(f"{key_of(write.obj)[0]}/{write.obj['spec'].get('range')}")


def _note_answers(history: History, before: dict[str, Answer], now: dict[str, Answer], write: Write) -> None:
    """Note the answers of a slice that a write has added, changed or removed; a new owner changes none of them."""
    changed = [answer for uid, answer in now.items() if uid not in before or before[uid].item != answer.item]
    removed = [answer for uid, answer in before.items() if uid not in now]
    if write.writer in PEOPLE:
        history.was_forged = True
        history.forged |= {answer.uid for answer in (*changed, *removed)}
        history.rewritten |= {answer.uid for answer in changed}
    if write.writer in {METACONTROLLER, TENANT}:
        refused = {answer.uid for answer in changed if answer.state != "Ready"} | {answer.uid for answer in removed}
        history.facts.withdrawn += [each for uid, each in before.items() if uid in refused and each.state == "Ready"]
    changed = [answer for answer in changed if not history.is_forgery(answer)]
    if write.writer in {METACONTROLLER, ""}:
        history.facts.added += [answer for answer in changed if answer.uid not in before]
    for answer in changed:
        if write.writer != PERSON and (answer.life is not None or not write.writer):
            _note_answer(history, answer, write)


def _note_answer(history: History, answer: Answer, write: Write) -> None:
    if answer.state == "Ready":
        if not answer.cidr:
            return  # an older schema has dropped it
        history.facts.ready.append(answer)
        if answer.life is not None:
            answer.life.answered.setdefault(answer.uid, answer.cidr)
            holding = Holding(block_of(answer.cidr), answer.life.uid, answer.uid, ANSWER, answer.slice_name)
            _note_holding(history, holding)
    elif write.writer in {METACONTROLLER, ""}:
        listed = history.facts.released if answer.state == "Released" else history.facts.refused
        listed.append(answer)


# --- extents, namespaces, and common parts


def _note_extent(history: History, write: Write) -> None:
    name = joined(key_of(write.obj))
    before = history.extents.pop(name, None)
    if not write.is_deletion:
        history.extents[name] = write.obj
        if "number" in write.obj["spec"]:
            history.numbers.setdefault(uid_of(write.obj), write.obj["spec"]["number"])
    if before is None or _is_still_announced(history, before, history.extents.get(name)):
        return
    life = history.ranges.get(controlling_range(before))
    if life is None or life.is_deleted:
        return
    if write.writer == METACONTROLLER and not life.was_tampered and not _is_finished(life):
        history.facts.unannounced.append(life)
    elif write.writer == PERSON or (write.writer == CONTROLLER_MANAGER and not history.has_policies):
        life.was_tampered = True
        life.was_disowned |= not write.is_deletion and controller_of(write.obj) is None


def _is_finished(life: RangeLife) -> bool:
    """Whether a range will never hold an address again: it is empty, and its deletion is committed."""
    return "closing" in life.ledger.fields and not life.ledger.entries


def _is_still_announced(history: History, before: Obj, now: Obj | None) -> bool:
    """Whether an extent announces the same to the same ranges, and has no other number than its first one.

    An older schema may drop the number for a while; it comes back. An extent that has given up all can be deleted.
    """
    if now is None or is_deleting(now):
        return not announced_by(before)
    first = history.numbers.get(uid_of(now))
    names = ("range", "domain", "ranges")
    announced = [
        ([obj["spec"].get(name) for name in names], labels_of(obj), controller_of(obj)) for obj in (before, now)
    ]
    return announced[0] == announced[1] and now["spec"].get("number", first) == first


def _note_namespace(history: History, write: Write) -> None:
    name = key_of(write.obj)[1]
    history.labels.setdefault(name, []).append(labels_of(write.obj))
    if write.is_deletion:
        history.namespaces.pop(name, None)
    else:
        history.namespaces[name] = write.obj


def _note_force(life: RangeLife | RequestLife, finalizer: str, write: Write) -> None:
    """Note whether a cluster administrator has removed our finalizer, of all shards, until it is back."""
    if of_all_shards(finalizers_of(write.obj), finalizer):
        life.is_forced = False
    elif of_all_shards(finalizers_of(life.obj), finalizer) and write.writer == PERSON:
        life.is_forced = True


def _note_holding(history: History, holding: Holding) -> None:
    history.holdings.add(holding)
    history.facts.holdings.append(holding)
