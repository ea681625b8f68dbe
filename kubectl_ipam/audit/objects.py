"""Rules about ranges as a whole, and about objects that can't be read or were served by an older schema."""

from collections.abc import Iterator
from datetime import timedelta

from hooks.api import names
from kubectl_ipam.audit.facts import Facts, named_range
from kubectl_ipam.audit.findings import Finding, error, unless_delayed, warning
from kubectl_ipam.objects import Range
from kubectl_ipam.resources import REQUESTS
from kubectl_ipam.views import RangeView

#: A deletion of a range that takes longer is reported.
DELETION_MAX = timedelta(minutes=10)
#: The most objects that a message names.
_NAMED_MAX = 5
_CHECK_CONTROLLER = (
    "check that Metacontroller and the hooks run (kubectl get pods -A | grep -e metacontroller -e ipam), and their logs"
)
#: What the hooks report themselves, by type of condition and its status: the rule, and what to do.
_CONDITIONS = {
    ("Consistent", "False"): (
        "Contradiction",
        "find the writer in the audit log of the API server; see the objects it names",
    ),
    ("HoldersAbsent", "True"): (
        "HolderAbsent",
        f"name the uids in the annotation {names.RECLAIM_ANNOTATION} of the range",
    ),
    ("RangesIgnored", "True"): ("RangesIgnored", "correct these entries of spec.ranges"),
    ("ChunkSizeTooLarge", "True"): (
        "ChunkSizeTooLarge",
        "set size in requests, or create a range with another chunkSize",
    ),
    ("AnswersDelayed", "True"): ("AnswersDelayed", "create fewer requests in one second, or use shorter names"),
}


def objects_that_cannot_be_read(facts: Facts) -> Iterator[Finding]:
    """Objects that the hooks can't read either."""
    for resource, key, reason in facts.snapshot.unreadable:
        remedy = "correct or delete it; it was written while the CRDs were missing or older"
        yield error("Unreadable", f"{resource.kind} {key}", f"it can't be read: {reason}", remedy)


def objects_of_an_older_schema(facts: Facts) -> Iterator[Finding]:
    """Objects without the marker of this schema, of which an API server may have dropped fields."""
    snapshot = facts.snapshot
    unmarked = [
        *((names.RANGE_KIND, each.metadata) for each in snapshot.ranges.values() if _is_unmarked(each)),
        *((names.REQUEST_KIND, each.metadata) for each in snapshot.requests.values() if not each.status.schema_v1),
        *((names.SLICE_KIND, each.metadata) for each in snapshot.slices.values() if not each.spec.schema_v1),
        *((names.EXTENT_KIND, each.metadata) for each in snapshot.extents.values() if not each.spec.schema_v1),
    ]
    for kind, meta in unmarked:
        message = "it lacks the marker schemaV1: the API server has an older CRD, or it was written by hand"
        remedy = "apply the CRDs of this version: kubectl apply -k crds"
        yield error("OlderSchema", f"{kind} {meta.namespaced_name}", message, remedy)


def _is_unmarked(range_: Range) -> bool:
    """Whether a range was served by an older schema; one without a status shows nothing yet."""
    return bool(range_.status.state) and not range_.status.schema_v1


def ranges_that_are_not_served(facts: Facts) -> Iterator[Finding]:
    """Ranges whose hook is not called."""
    for view in facts.readable:
        meta, status, name = view.range.metadata, view.range.status, str(view.name)
        if not status.state:
            finding = error("RangeNotServed", named_range(view), "it has no status", _CHECK_CONTROLLER, name)
            yield unless_delayed(finding, meta.creation_timestamp)
        elif status.observed_generation < meta.generation:
            message = f"its generation is {meta.generation}, but its status is about {status.observed_generation}"
            yield unless_delayed(error("EditNotServed", named_range(view), message, _CHECK_CONTROLLER, name))
        if not any(each.startswith(names.RANGE_FINALIZER) for each in meta.finalizers) and not meta.deletion_timestamp:
            message = f"it lacks the finalizer {names.RANGE_FINALIZER}: a deletion would lose its ledger"
            finding = error("RangeUnprotected", named_range(view), message, _CHECK_CONTROLLER, name)
            yield finding if view.ledger.entries else unless_delayed(finding, meta.creation_timestamp)


def ranges_that_need_a_person(facts: Facts) -> Iterator[Finding]:
    """What the status of ranges reports as wrong."""
    for view in facts.readable:
        name, meta = str(view.name), view.range.metadata
        if reason := view.terms.invalid_reason:
            remedy = f"correct the spec: kubectl edit iprange -n {view.name.namespace} {view.name.name}"
            yield warning("RangeInvalid", named_range(view), reason, remedy, name)
        for condition in view.range.status.conditions:
            if known := _CONDITIONS.get((condition.type, condition.status)):
                rule, remedy = known
                kind = error if rule == "Contradiction" else warning
                yield kind(rule, named_range(view), condition.message, remedy, name)
        if meta.deletion_timestamp and facts.now - meta.deletion_timestamp > DELETION_MAX:
            awaited, remedy = _awaited(view)
            message = f"it is being deleted, and waits for {awaited}"
            yield warning("RangeDeletionStuck", named_range(view), message, remedy, name)


def _awaited(view: RangeView) -> tuple[str, str]:
    """What a range that is being deleted waits for, and what to do about that."""
    if blockers := view.observed.blockers:
        return ", ".join(map(str, blockers[:_NAMED_MAX])), "delete these requests"
    if held := [each for each in view.ledger.entries.values() if each.released_at is None]:
        blocks = ", ".join(f"{each.prefix} of {each.holder}" for each in held[:_NAMED_MAX])
        remedy = "do what the findings about these holders say"
        if not view.snapshot.knows(REQUESTS):
            remedy = "read these requests, too: the dump lacks them, or your rights do not reach them"
        return f"the release of {blocks}", remedy
    finalizers = view.range.metadata.finalizers
    foreign = [each for each in finalizers if not each.startswith(names.RANGE_FINALIZER)]
    remedies = [_CHECK_CONTROLLER] if len(foreign) < len(finalizers) else []
    if foreign:
        use = "remove what uses the range: the controller that owns the finalizer then removes it"
        remedies.append(f"for {', '.join(foreign)}, {use}")
    return f"its finalizers: {', '.join(finalizers)}", "; ".join(remedies)


RULES = (
    objects_that_cannot_be_read,
    objects_of_an_older_schema,
    ranges_that_are_not_served,
    ranges_that_need_a_person,
)
