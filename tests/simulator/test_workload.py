"""The workload: every listed feature takes part in the attack."""

import json
import random
from collections.abc import Iterator

import pytest

from simulator.attack import restores
from simulator.attack.features import FORMS_OF_REQUESTS, OF_RANGES, OF_REQUESTS, Feature
from simulator.attack.simulation import Simulation
from simulator.attack.workload import PEOPLE_ACTIONS, Behaviour
from simulator.commands import APP, setting_for
from simulator.judge.addresses import is_meant, named_block
from simulator.kubernetes.objects import Obj


def created(kind: str, seeds: range) -> Iterator[Obj]:
    """The new objects of a kind, as drawn with these seeds."""
    creation = PEOPLE_ACTIONS[{"IPAMRange": "create a range", "IPAMRequest": "create a request"}[kind]]
    for seed in seeds:
        rng = random.Random(seed)
        action = creation.draw(Simulation(setting_for(APP), seed).world, Behaviour.drawn(rng), rng)
        assert action is not None
        yield json.loads(action[1])


@pytest.mark.parametrize(
    ("kind", "table"), [("IPAMRange", OF_RANGES), ("IPAMRequest", OF_REQUESTS)], ids=("ranges", "requests")
)
def test_a_feature_takes_part_by_being_listed(
    kind: str, table: dict[str, Feature], monkeypatch: pytest.MonkeyPatch
) -> None:
    new = Feature(0.5, lambda version, _: {"spec": {"new": version}, "metadata": {"annotations": {"new": "yes"}}})
    monkeypatch.setitem(table, "something new", new)

    objects = list(created(kind, range(100)))

    assert {each["spec"].get("new") for each in objects} == {None, 4, 6}
    assert all(("new" in each["metadata"].get("annotations", {})) == ("new" in each["spec"]) for each in objects)


def test_forms_of_requests_exclude_each_other() -> None:
    forms = [{"size", "request"} & set(each["spec"]) for each in created("IPAMRequest", range(200))]

    assert all(len(form) <= 1 for form in forms)
    assert {"size"} in forms
    assert {"request"} in forms
    assert set() in forms


@pytest.mark.parametrize("cidr", ["10.0.0.5/32", "10.0.0.8/30", "2001:db8::a/128", "2001:db8::/124"])
def test_people_write_a_record_in_ways_that_mean_the_same_block(cidr: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restores, "FOREIGN_NOTATIONS", 1.0)
    texts = {restores.written(cidr, random.Random(seed)) for seed in range(50)}

    assert len(texts) > 1
    assert all(is_meant(text, cidr) for text in texts)
    assert {named_block(text) for text in texts} <= {named_block(cidr), None}


def test_no_name_is_used_twice() -> None:
    names = [*PEOPLE_ACTIONS, *OF_RANGES, *FORMS_OF_REQUESTS, *OF_REQUESTS]

    assert len(names) == len(set(names))
