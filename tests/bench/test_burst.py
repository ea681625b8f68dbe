"""The tables of a burst: what is counted, and that `make compare` can read them."""

from collections import Counter, defaultdict

from bench.burst import Deletion, Result, tables
from bench.compare import Readings as Compared
from bench.compare import collect
from bench.readings import Readings

CPU = {"metacontroller": 1.0, "kube-apiserver": 2.0, "hooks": 0.5, "etcd": 0.5}
WRITES = Counter(
    {
        "POST ipamrequests 201": 100,
        "PUT ipamrequests 200": 80,
        "PUT ipamrequests 409": 20,
        "PUT ipamrequests/status 200": 100,
        "POST ipamallocationslices 201": 4,
        "PUT ipamallocationslices 200": 6,
        "PUT ipamranges/status 200": 6,
        "PUT ipamranges/status 409": 1,
        "PUT ipamranges/status 422": 1,
    }
)
DELETED = Counter({"DELETE ipamrequests 200": 100, "PUT ipamrequests 200": 100, "DELETE ipamallocationslices 200": 5})


def numbers() -> Compared:
    """What `make compare` reads."""
    burst = Result(100, 0, [(0.0, 2.0), (1.0, 3.0)], Readings(WRITES, Counter(), CPU), bare_seconds=1.5)
    deletion = Deletion(100, 4.0, Readings(DELETED, Counter(), CPU))
    readings: Compared = defaultdict(lambda: defaultdict(list))
    collect(readings, tables([burst], deletion))
    return readings


def test_a_burst_is_compared_with_the_time_of_a_bare_client() -> None:
    burst = numbers()["100", "0"]
    assert (burst["total s"], burst["bare s"], burst["ratio"]) == ([3.0], [1.5], [2.0])


def test_writes_are_counted_for_each_request_by_resource_with_those_that_were_refused() -> None:
    burst = numbers()["100", "0"]
    assert burst["API writes"] == [3.18]
    assert burst["ipamrequests"] == [2.0]
    assert burst["ipamrequests/status"] == [1.0]
    assert burst["ipamallocationslices"] == [0.1]


def test_the_refused_share_is_that_of_the_writes_of_the_ledger() -> None:
    assert numbers()["100", "0"]["ledger writes refused"] == [25.0]


def test_the_writes_of_a_deletion_are_those_beyond_the_deletions_of_the_user() -> None:
    deletion = numbers()[("100",)]
    assert (deletion["delete s"], deletion["delete writes"], deletion["delete CPU s"]) == ([4.0], [1.05], [4.0])
