"""Rules about ledgers, answers and requests against each other."""

from collections.abc import Iterator

from hooks.api import names
from hooks.api.names import NamespacedName, range_label
from hooks.api.shards import is_request_finalizer
from kubectl_ipam.audit.facts import Facts, named, named_range
from kubectl_ipam.audit.findings import Finding, error, unless_delayed, warning
from kubectl_ipam.resources import SLICES

_TAMPERED = "find the writer in the audit log of the API server: only Metacontroller may write this"


def holders_that_do_not_exist(facts: Facts) -> Iterator[Finding]:
    """Blocks of requests that were removed by force."""
    for view, entry in facts.entries():
        if entry.released_at is None and facts.lacks_request(entry.uid, entry.holder):
            remedy = (
                f"if {entry.holder} no longer uses it, release it: kubectl annotate --overwrite iprange -n "
                f"{view.name.namespace} {view.name.name} {names.RECLAIM_ANNOTATION}={entry.uid}"
            )
            if below := facts.snapshot.ranges_by_delegator.get(entry.uid):
                remedy = (
                    f"first end range {below[0].metadata.namespaced_name}, which was made from this block; {remedy}"
                )
            message = f"{entry.prefix} belongs to {entry.holder} (uid {entry.uid}), which does not exist"
            yield error("HolderMissing", named_range(view), message, remedy, str(view.name))


def holders_that_their_range_does_not_see(facts: Facts) -> Iterator[Finding]:
    """Holders that exist, but without the label or finalizer by which their range keeps track of them."""
    for view, entry in facts.entries():
        request = facts.snapshot.requests_by_uid.get(entry.uid)
        if request is None or request.metadata.deletion_timestamp:
            continue
        meta, wanted = request.metadata, range_label(view.name)
        if meta.labels.get(names.RANGE_LABEL) != wanted:
            message = f'the label {names.RANGE_LABEL} is "{meta.labels.get(names.RANGE_LABEL, "")}", not "{wanted}"'
            remedy = (
                f"set it: kubectl label --overwrite ipamrequest -n {meta.namespace} {meta.name} "
                f"{names.RANGE_LABEL}={wanted}"
            )
            yield error("LabelWrong", named(request), f"{message}: its range does not see it", remedy, str(view.name))
        if not any(map(is_request_finalizer, meta.finalizers)):
            remedy = "check that the DecoratorController ipamrequest runs: it adds the finalizer again"
            message = f"it holds {entry.prefix} without the finalizer {names.REQUEST_FINALIZER}"
            yield error("FinalizerMissing", named(request), message, remedy, str(view.name))


def published_blocks(facts: Facts) -> Iterator[Finding]:
    """Requests that show a block that is not theirs in the ledger."""
    for request in facts.snapshot.requests.values():
        cidr, view = request.status.cidr, facts.view_for(request)
        if not cidr or view is None or request.metadata.deletion_timestamp:
            continue
        entry = view.ledger.entries.get(request.metadata.uid)
        if entry is None:
            remedy = "if its range was lost and created again, wait until it returns the block; otherwise delete it"
            message = f"it shows {cidr}, which the ledger of range {view.name} does not record for it"
            yield error("NotInLedger", named(request), message, remedy, str(view.name))
        elif entry.written.cidr != cidr:
            message = f"it shows {cidr}, but holds {entry.prefix} of range {view.name}"
            remedy = f"{_TAMPERED}; delete the request and create it again"
            yield error("OtherBlockShown", named(request), message, remedy, str(view.name))


def answers_and_ledgers(facts: Facts) -> Iterator[Finding]:
    """Answers that their ledger does not bear out."""
    for view, each, answer in facts.answers():
        subject, entry = f"IPAMAllocationSlice {each.metadata.namespaced_name}", view.ledger.entries.get(answer.uid)
        if answer.revision > view.ledger.revision:
            message = f"the answer to {answer.request} rests on revision {answer.revision}, the ledger is older"
            remedy = f"the status of range {view.name} was set back: restore the newer one, or delete the slice"
            yield error("LedgerSetBack", subject, message, remedy, str(view.name))
        elif entry and answer.cidr and answer.cidr != entry.written.cidr:
            message = f"it answers {answer.cidr} to {answer.request}, which holds {entry.prefix}"
            yield error("OtherBlockAnswered", subject, message, f"{_TAMPERED}; delete the slice", str(view.name))
        elif answer.state == "Ready" and entry is None and answer.uid not in view.ledger.released:
            message = f"it answers {answer.cidr} to {answer.request}, of which the ledger knows nothing"
            yield error("AnswerNotInLedger", subject, message, f"{_TAMPERED}; delete the slice", str(view.name))


def answers_in_their_slices(facts: Facts) -> Iterator[Finding]:
    """Answers where their request does not look for them, and answers to none."""
    for view, each, answer in facts.answers():
        subject = f"IPAMAllocationSlice {each.metadata.namespaced_name}"
        request = facts.snapshot.requests_by_uid.get(answer.uid)
        if request is None:
            if facts.lacks_request(answer.uid, answer.request):
                message = f"it answers {answer.request} (uid {answer.uid}), which does not exist"
                remedy = "check that the CompositeController ipamrange runs: it removes the answer"
                yield unless_delayed(warning("AnswerToNone", subject, message, remedy, str(view.name)))
            continue
        meta = request.metadata
        place = names.slice_name(view.name, meta.creation_timestamp, meta.uid)
        if each.metadata.name != place:
            message = f"it answers {answer.request}, which looks for its answer in slice {place}"
            yield error("AnswerInOtherSlice", subject, message, f"{_TAMPERED}; delete the slice", str(view.name))
        elif answer.state == "Released" and meta.deletion_timestamp is None:
            message = f"it says that {answer.request} is released, but it is not being deleted"
            yield error("ReleasedAlive", subject, message, f"{_TAMPERED}; delete the slice", str(view.name))


def missing_answers(facts: Facts) -> Iterator[Finding]:
    """Holders without an answer, and holders that do not show theirs."""
    for view, entry in facts.entries():
        request = facts.snapshot.requests_by_uid.get(entry.uid)
        if request is None or entry.released_at or request.metadata.deletion_timestamp:
            continue
        answer, name = facts.answer_of.get(entry.uid), str(view.name)
        if answer is None and not facts.snapshot.knows(SLICES):
            continue
        if answer is None:
            message = f"it holds {entry.prefix}, but no slice has its answer"
            remedy = "check that the CompositeController ipamrange runs, and the log of the hooks"
            yield unless_delayed(error("AnswerMissing", named(request), message, remedy, name))
        elif answer.state == "Ready" and not request.status.cidr:
            message = f"it was answered {answer.cidr}, but does not show it"
            remedy = "check that the DecoratorController ipamrequest runs, and the log of the hooks"
            yield unless_delayed(error("AnswerNotShown", named(request), message, remedy, name))


def slices_of_no_range(facts: Facts) -> Iterator[Finding]:
    """Slices that no existing range controls."""
    for each in facts.snapshot.slices.values():
        name, owner = NamespacedName(each.metadata.namespace, each.spec.range), each.metadata.controller
        subject, remedy = f"IPAMAllocationSlice {each.metadata.namespaced_name}", f"{_TAMPERED}; delete the slice"
        if owner is None:
            yield error("SliceWithoutOwner", subject, "no range controls it", remedy, str(name))
        elif facts.lacks_range(owner.uid, f"{each.metadata.namespace}/{owner.name}"):
            message = f"the range {owner.name} that controls it (uid {owner.uid}) does not exist"
            yield unless_delayed(warning("SliceOfNoRange", subject, message, remedy, str(name)))
        elif owner.name != each.spec.range:
            message = f"range {owner.name} controls it, but it has the answers of range {each.spec.range}"
            yield error("SliceOfOtherRange", subject, message, remedy, str(name))


RULES = (
    holders_that_do_not_exist,
    holders_that_their_range_does_not_see,
    published_blocks,
    answers_and_ledgers,
    answers_in_their_slices,
    missing_answers,
    slices_of_no_range,
)
