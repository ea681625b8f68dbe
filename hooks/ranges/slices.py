"""The slices of a range that exist, and which of their items are its answers to requests.

The answers to requests that were created in the same second lie in the same slice, or in one of a few: its name
follows from the request alone (`hooks.api.names.slice_name`). So an item in any other slice is no answer, as long as
its request is observed; if it is not, the item is taken at its word.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from msgspec import Raw

from hooks.api import names
from hooks.api.kinds import Answer, RequestObject, SliceObject
from hooks.api.names import NamespacedName
from hooks.protocol.children import child_as_it_was
from hooks.protocol.decoding import decode_objects

#: For so long a proposal counts as committed, if the ledger does not show it yet. In a burst Metacontroller takes
#: seconds to write the slices of an answer and the status after them, and to compose the next call.
PROPOSAL_AGE_MAX = timedelta(seconds=10)
#: For so much longer, for each request of the range.
PROPOSAL_AGE_OF_REQUEST = timedelta(milliseconds=1)


class Slices:
    """The slices among the children of a range.

    Attributes:
        own: those of this range that can be read, by name, sorted.
        unreadable: those that can't, as children to be returned: leaving one out would delete it.
        names_taken: names of slices that exist but can't have answers of this range.
    """

    def __init__(self, range_name: NamespacedName, group: Mapping[str, Raw]) -> None:
        """Read the slices.

        Args:
            range_name: the range.
            group: its slices, by "namespace/name".

        Raises:
            ProtocolError: if one of them is no object.
        """
        readable, unreadable = decode_objects(group, SliceObject)
        own = {each.metadata.name: each for each in readable.values() if each.spec.range == range_name.name}
        self._range_name = range_name
        self.own = dict(sorted(own.items()))
        self.unreadable: list[dict[str, Any]] = [
            child_as_it_was(names.SLICE_KEY, key, group[key]) for key in sorted(unreadable)
        ]
        self.names_taken = frozenset(NamespacedName.parse(key).name for key in group) - self.own.keys()

    def is_newer_proposed(self, revision: int, request_count: int, now: datetime) -> bool:
        """Whether a later revision than this one was proposed a moment ago, for a range with so many requests.

        Metacontroller writes slices before the status, and calls again before its cache shows that status.
        """
        age_max = PROPOSAL_AGE_MAX + request_count * PROPOSAL_AGE_OF_REQUEST
        proposals = (each.spec.proposed for each in self.own.values() if each.spec.proposed)
        return any(each.revision > revision and timedelta(0) <= now - each.at <= age_max for each in proposals)

    @property
    def item_count(self) -> int:
        """Number of items, answers or not."""
        return sum(len(each.spec.answers) for each in self.own.values())

    @cached_property
    def uids(self) -> frozenset[str]:
        """The uids of all items."""
        return frozenset(item.uid for each in self.own.values() for item in each.spec.answers)

    def answers(self, requests: Mapping[str, RequestObject]) -> dict[str, Answer]:
        """The answers, by uid of the request.

        Args:
            requests: those that are observed, by uid.
        """
        answers: dict[str, Answer] = {}
        for name, each in self.own.items():
            place = None  # that of the item before, which as a rule is that of all
            for item in each.spec.answers:
                uid = item.uid
                request = requests.get(uid)
                if request is not None and (its_place := _place(request)) != place:
                    if self.name_for(request) != name:
                        continue
                    place = its_place
                answers.setdefault(uid, item)
        return answers

    def name_for(self, request: RequestObject) -> str:
        """The name of the slice in which a request is answered."""
        return names.slice_name(self._range_name, request.metadata.creation_timestamp, request.metadata.uid)


def _place(request: RequestObject) -> tuple[datetime, int]:
    """What the name of its slice follows from, and is compared more quickly than the name is made."""
    return request.metadata.creation_timestamp, names.slot(request.metadata.uid)
