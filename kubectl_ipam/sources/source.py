"""What all sources have in common."""

from collections.abc import Iterable
from typing import Protocol

from kubectl_ipam.resources import IPAM, Resource
from kubectl_ipam.snapshot import Snapshot


class Source(Protocol):
    """A place where objects are read.

    Attributes:
        origin: its name in messages.
        is_live: whether it may change, so that reading it twice is of use.
        default_namespace: the namespace of names that have none.
    """

    origin: str
    is_live: bool
    default_namespace: str

    def read(self, kinds: Iterable[Resource] = IPAM, *, fallback: str = "") -> Snapshot:
        """Read all objects of these kinds, in this order, of all namespaces.

        A user whose rights end at a namespace gets the objects of `fallback`, by default the namespace of the context.

        Raises:
            Unanswerable: if the source can't be read.
        """
        ...
