"""Shards: whose finalizers are ours, and when an object has been handed over."""

import pytest

from hooks.api.metadata import ParentMetadata
from hooks.api.names import RANGE_FINALIZER, REQUEST_FINALIZER, SHARD_LABEL
from hooks.api.shards import is_handed_over, is_request_finalizer
from tests.hooks.build import NOW

OF_S1 = f"{RANGE_FINALIZER}-s1"
OF_S2 = f"{RANGE_FINALIZER}-s2"


@pytest.mark.parametrize(
    ("finalizer", "is_ours"),
    [
        (REQUEST_FINALIZER, True),
        (f"{REQUEST_FINALIZER}-s1", True),
        (f"{REQUEST_FINALIZER}-a-b", True),
        (f"{REQUEST_FINALIZER}s", False),
        (RANGE_FINALIZER, False),
        ("metacontroller.io/decoratorcontroller-ipam", False),
        ("example.com/other", False),
    ],
)
def test_a_finalizer_of_any_shard_is_ours(finalizer: str, is_ours: bool) -> None:
    assert is_request_finalizer(finalizer) is is_ours


@pytest.mark.parametrize(
    ("shard", "finalizers", "is_moved"),
    [
        ("s1", [RANGE_FINALIZER], False),
        ("s1", [RANGE_FINALIZER, OF_S1], True),
        ("s1", [OF_S2, "example.com/other"], False),
        ("s2", [OF_S1, OF_S2], True),
        (None, [OF_S1], False),
        (None, [OF_S1, RANGE_FINALIZER], True),
        ("", [OF_S1, RANGE_FINALIZER], False),
        ("S 1", [RANGE_FINALIZER], False),
        ("s1", [], False),
    ],
)
def test_an_object_is_handed_over_once_the_shard_of_its_label_has_its_finalizer_on_it(
    shard: str | None, finalizers: list[str], is_moved: bool
) -> None:
    labels = {} if shard is None else {SHARD_LABEL: shard}
    meta = ParentMetadata("net", "uid", NOW, labels=labels, finalizers=finalizers)
    assert is_handed_over(meta, RANGE_FINALIZER) is is_moved
