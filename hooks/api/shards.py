"""Shards: several Metacontrollers that divide ranges and requests among them by a label.

Each shard has controllers of its own, and so finalizers of its own. Metacontroller finalizes an object that is being
deleted, and also one that has its finalizer but whose labels have changed, so that another shard is to serve it. The
latter is no deletion: its former shard serves it as before, until the controller of the new shard has its finalizer on
it. So it always has one of them, and an object whose label names a shard that does not exist is still served
(docs/decisions/0025-shards.md).
"""

from hooks.api import names
from hooks.api.metadata import ParentMetadata


def is_request_finalizer(finalizer: str) -> bool:
    """Whether a finalizer is that of the DecoratorController of any shard."""
    return finalizer == names.REQUEST_FINALIZER or finalizer.startswith(f"{names.REQUEST_FINALIZER}-")


def is_handed_over(meta: ParentMetadata, finalizer: str) -> bool:
    """Whether the shard that the label of an object names has its finalizer on it; all others remove theirs then.

    Args:
        meta: that of the object.
        finalizer: that of the default shard for objects of its kind.
    """
    shard = meta.labels.get(names.SHARD_LABEL)
    return (finalizer if shard is None else f"{finalizer}-{shard}") in meta.finalizers
