"""Bodies of calls whose answers may be kept back: slices with a proposal, and ranges with many requests."""

from hooks.api.names import REQUEST_KEY
from tests.hooks.build import Obj, at


def proposing(slice_: Obj, revision: int, seconds: float = 0) -> Obj:
    """A slice that was written by a call at that time, which proposed this revision of the ledger."""
    return slice_ | {"spec": slice_["spec"] | {"proposed": {"revision": revision, "at": at(seconds)}}}


def with_unreadable_requests(body: Obj, count: int) -> Obj:
    """The body of a range's call with so many more requests, which are small."""
    of_the_range = body["related"][REQUEST_KEY] | {f"team-a/{number}": {"spec": 5} for number in range(count)}
    return body | {"related": body["related"] | {REQUEST_KEY: of_the_range}}
