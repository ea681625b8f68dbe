"""Tenants in the attack: what they draw, a patch that is repeated forever, and writes that wait for others."""

import json
import random
from dataclasses import replace

import pytest

from simulator.attack.chance import Bias, Chance
from simulator.attack.features import OF_TENANTS
from simulator.attack.restores import SETTLE
from simulator.attack.simulation import Simulation
from simulator.attack.tenants import TENANT_ACTIONS
from simulator.commands import APP, setting_for
from simulator.kubernetes.objects import labels_of
from simulator.names import RANGE_LABEL, TENANT
from simulator.world.machinery import Action
from simulator.world.people import VERBS


def creation(kind: str, name: str, spec: dict[str, object]) -> Action:
    metadata = {"namespace": "a", "name": name}
    return "create", json.dumps(
        {"apiVersion": "ipam.mandelsoft.org/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
    )


REQUEST: dict[str, object] = {"ipam": {"name": "net"}}
START: list[Action] = [
    ("install", "policies"),
    ("boot", "m1"),
    creation("IPAMRange", "net", {"ranges": ["10.0.0.0/28"], "chunkSize": 32}),
    creation("IPAMRequest", "web", REQUEST),
]


def done(*actions: Action) -> Simulation:
    """A simulation in which these actions were done without a finding."""
    simulation = Simulation(setting_for(APP), 1)
    for action in (*START, *actions):
        assert simulation._does(action)
    return simulation


def test_each_action_of_tenants_has_a_weight_and_a_verb() -> None:
    assert set(TENANT_ACTIONS) == set(OF_TENANTS)
    world = done(SETTLE).world
    for draw in TENANT_ACTIONS.values():
        action = draw(world, random.Random(1))
        assert action is None or (action[0] == "as" and action[2] in VERBS and ":" in action[1])


def test_a_tenant_who_repeats_a_patch_outdates_every_write_of_metacontroller_and_only_its_own_request_waits() -> None:
    repeats = ("as", "ipam-edit:a", "repeat", "ipamrequests", "a/web", "{}")
    world = done(repeats, creation("IPAMRequest", "db", REQUEST), SETTLE).world

    web, db = (world.store.get(world.plural("ipamrequests"), ("a", name)) for name in ("web", "db"))

    assert "status" not in web or web["status"].get("state") != "Ready"
    assert RANGE_LABEL not in labels_of(web)
    assert db["status"]["state"] == "Ready"


def test_others_are_judged_while_a_patch_is_repeated_and_then_it_stops() -> None:
    lines: list[str] = []
    simulation = Simulation(setting_for(APP), 1, lines.append)
    outcome = simulation.replay([*START, ("as", "ipam-edit:a", "repeat", "ipamrequests", "a/web", "{}")])

    assert outcome.findings == []
    assert simulation.world.repeated == {}
    assert simulation.world.writer != TENANT


def test_a_repeated_patch_that_is_refused_changes_nothing() -> None:
    repeats = ("as", "ipam-view:a", "repeat", "ipamrequests", "a/web", "{}")
    world = done(repeats, SETTLE).world

    assert world.store.get(world.plural("ipamrequests"), ("a", "web"))["status"]["state"] == "Ready"


@pytest.mark.parametrize("verb", ["annotate", "strip-labels", "mislabel", "strip-finalizers", "set-status"])
@pytest.mark.parametrize("role", ["ipam-edit", "owner"])
def test_no_change_of_a_request_by_a_tenant_costs_a_commit(role: str, verb: str) -> None:
    """Finding 8 of the review: each patch of a label was up to two commits of the whole ledger."""
    words = {"annotate": ['{"example.com/note": "x"}'], "mislabel": ["b.net"], "set-status": ['{"message": "x"}']}
    simulation = done(SETTLE)
    before = _revision(simulation)

    for _ in range(5):
        for action in [("as", f"{role}:a", verb, "ipamrequests", "a/web", *words.get(verb, [])), SETTLE]:
            assert simulation._does(action)

    assert _revision(simulation) == before > 0


def _revision(simulation: Simulation) -> int:
    world = simulation.world
    revision: int = world.store.get(world.plural("ipamranges"), ("a", "net"))["status"]["revision"]
    return revision


@pytest.mark.parametrize(("about", "share"), [("write status", 0.1), ("hook of ipamrange", 1.0)])
def test_the_rate_limiter_lets_the_writes_of_one_controller_wait(about: str, share: float) -> None:
    chance = Chance(1, Bias(weights={"starved": "ipamrange", "starved_share": 0.1}))

    assert chance._share("ipamrange", about) == share
    assert chance._share("ipamrequest", about) == 1.0


def test_tenants_act_only_where_the_policies_are_installed() -> None:
    drawn: dict[bool, set[str]] = {}
    for installs in ((), ("policies",)):
        bias = Bias(weights={"people": 50.0}, behaviour={"installs": installs})
        outcome = Simulation(replace(setting_for(APP), bias=bias), 5).run(60)
        drawn[bool(installs)] = {action[0] for action in outcome.actions}

    assert "as" not in drawn[False]
    assert {"as", "install"} <= drawn[True]
