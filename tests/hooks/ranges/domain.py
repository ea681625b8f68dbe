"""A range among the extents of its domain."""

from collections.abc import Sequence

from tests.hooks.build import WEB, Obj, extent_object, range_object
from tests.hooks.calls import sync_range

#: What team-a/net announces.
POOL = "10.0.0.0-10.0.0.255"


def other(text: str, version: int, *, number: int | None = None, domain: str = "default") -> Obj:
    """An extent of team-a/other."""
    return extent_object(text, version=version, number=number, range_="other", domain=domain)


def synced(*extents: Obj, parent: Obj | None = None, requests: Sequence[Obj] = (WEB,)) -> Obj:
    """The answer of a range that has announced its addresses and observes these extents; by default, web waits."""
    own = [each for each in extents if each["metadata"]["ownerReferences"][0]["uid"] == "uid-net"]
    return sync_range(parent or range_object(), *requests, announced=own, extents=list(extents))
