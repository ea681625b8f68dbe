"""Commands that attack the design: run one seed, replay a file, run thousands of seeds, hunt mutants.

The hooks are loaded by a dotted name, because the judge must not import them. They must take their time from the header
`Ipam-Now`, as `hooks.app` does in replay mode.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.attack.shrink import shrunk
from simulator.attack.simulation import INVARIANTS, Outcome, Setting, Simulation
from simulator.cluster import ROOT
from simulator.kubernetes.manifests import read_manifests
from simulator.kubernetes.resources import Catalog
from simulator.metacontroller.webhook import wsgi_caller
from simulator.mutants.catalog import MUTANTS, Mutant
from simulator.mutants.hunt import Hunt, hunted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

APP = "hooks.app:create_app"
BY_NAME: dict[str | None, Mutant] = {item.name: item for item in MUTANTS}
#: A mutant that isn't found within so many seeds is not found.
MUTANT_SEEDS = 400
SHARE = 25
SECONDS_BETWEEN_LINES = 15.0
#: The hooks, the mutant or None, and some seeds.
Share = tuple[str, str | None, range]


@cache
def setting_for(app: str, mutant: Mutant | None = None) -> Setting:
    """The shipped CRDs and controllers with the hooks of this dotted name, or a mutant of them."""
    os.environ.setdefault("IPAM_REPLAY", "1")
    logging.disable(logging.CRITICAL)
    definitions = [item.obj for item in read_manifests(ROOT / "crds")]
    controllers = [item.obj for item in read_manifests(ROOT / "metacontroller")]
    application = _application(app)
    if mutant is None:
        return Setting(Catalog(_crds(definitions)), controllers, lambda now: wsgi_caller(application, now))
    changed = Catalog(_crds(mutant.definitions(definitions)))
    return Setting(changed, controllers, lambda now: mutant.caller(wsgi_caller(application, now)), mutant.bias)


def _crds(objects: list[Any]) -> list[Any]:
    return [obj for obj in objects if obj.get("kind") == "CustomResourceDefinition"]


def _application(name: str) -> Any:
    """A WSGI application, or a function that makes one from settings for replay."""
    module_name, _, attribute = name.partition(":")
    sys.path[:0] = [str(ROOT)] if str(ROOT) not in sys.path else []
    found = getattr(importlib.import_module(module_name), attribute or "app")
    if attribute != "create_app":
        return found
    settings = importlib.import_module(f"{module_name.rpartition('.')[0]}.settings").settings_from()
    return found(settings)


# --- the commands


def run(options: argparse.Namespace) -> int:
    """One seed, a line for each step; a finding is made small and written to a file."""
    setting = setting_for(options.app, BY_NAME.get(options.mutant))
    simulation = Simulation(setting, options.seed, None if options.quiet else print)
    outcome = simulation.run(options.steps)
    if not outcome.findings:
        print(_summary([outcome]))
        return 0
    _show(options, outcome)
    return 1


def replay(options: argparse.Namespace) -> int:
    """The actions of a file."""
    try:
        told = json.loads(options.file.read_text())
    except (OSError, ValueError) as error:
        print(f"error: {options.file} can't be read: {error}", file=sys.stderr)
        return 2
    setting = setting_for(options.app, BY_NAME[told["mutant"]] if "mutant" in told else None)
    simulation = Simulation(setting, told["seed"], print)
    outcome = simulation.replay([tuple(action) for action in told["actions"]])
    print(_summary([outcome]))
    return int(bool(outcome.findings))


def simulate(options: argparse.Namespace) -> int:
    """Many seeds on all cores."""
    seeds = range(options.first, options.first + options.seeds)
    shares = [(options.app, options.mutant, seeds[at : at + SHARE]) for at in range(0, len(seeds), SHARE)]
    outcomes: list[Outcome] = []
    progress = Progress()
    for share in _in_parallel(shares, options.jobs):
        outcomes += share
        bad = [each for each in outcomes if each.findings]
        progress.tell(f"{len(outcomes)} of {options.seeds} seeds", sum(each.steps for each in outcomes), len(bad))
        if len(bad) >= options.findings_max:
            break
    progress.end()
    for outcome in [each for each in outcomes if each.findings][: options.findings_max]:
        _show(options, outcome)
    print(_excused(outcomes))
    print(_summary(outcomes))
    return int(any(each.findings for each in outcomes))


class Progress:
    """A line on standard error that is written over, or, where nobody watches, a line now and then."""

    def __init__(self) -> None:
        self._began = self._told = time.monotonic()
        self._watched = sys.stderr.isatty()

    def tell(self, what: str, steps: int, findings: int) -> None:
        """Say how far it is."""
        now = time.monotonic()
        if not self._watched and now - self._told < SECONDS_BETWEEN_LINES:
            return
        self._told = now
        line = f"{what}, {steps} steps, {steps / (now - self._began):.0f}/s, {findings} findings"
        print(f"\r{line}" if self._watched else line, end="" if self._watched else "\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line."""
        if self._watched:
            print(file=sys.stderr)


def mutants(options: argparse.Namespace) -> int:
    """Every mutant, until the invariants that it names have found it; a line for each as soon as it is done."""
    numbers = [number for number, item in enumerate(MUTANTS) if options.only in item.name]
    began, hunts = time.monotonic(), []
    with ProcessPoolExecutor(options.jobs) as pool:
        for done in as_completed([pool.submit(hunted_number, options.app, each, options.seeds) for each in numbers]):
            hunts.append(done.result())
            print(hunts[-1], flush=True)
    catches = [catch for hunt in hunts for catch in hunt.catches]
    biting = {catch.invariant for catch in catches if catch.outcome}
    failing = sum(bool(hunt.objections) for hunt in hunts)
    print(
        f"{sum(each.seeds for each in catches)} seeds, {sum(each.steps for each in catches)} steps, "
        f"{time.monotonic() - began:.0f} seconds; the right design fails where {failing} mutants were found"
    )
    print(f"{len(biting)} of {len(INVARIANTS)} invariants found one by themselves")
    print(f"{sum(hunt.is_found for hunt in hunts)} of {len(hunts)} mutants found")
    return int(failing > 0 or not all(hunt.is_found for hunt in hunts))


# --- helpers


def simulated_share(job: Share) -> list[Outcome]:
    """The outcomes of some seeds, without the actions of good ones."""
    app, mutant, seeds = job
    setting = setting_for(app, BY_NAME.get(mutant))
    outcomes = []
    for seed in seeds:
        outcome = Simulation(setting, seed).run()
        if not outcome.findings:
            outcome.actions = []
        outcomes.append(outcome)
    return outcomes


def _in_parallel(shares: list[Share], jobs: int) -> Iterator[list[Outcome]]:
    if jobs == 1:
        yield from map(simulated_share, shares)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(simulated_share, shares)


def hunted_number(app: str, number: int, seeds: int) -> Hunt:
    """The hunt for the mutant of this number."""
    mutant = MUTANTS[number]
    return hunted(mutant, setting_for(app, mutant), replace(setting_for(app), bias=mutant.bias), seeds)


def _show(options: argparse.Namespace, outcome: Outcome) -> None:
    """A finding: seed, shortest list of steps, file."""
    setting = setting_for(options.app, BY_NAME.get(options.mutant))
    small = shrunk(setting, outcome)
    print(f"\nseed {outcome.seed}: {len(outcome.actions)} actions, {len(small.actions)} of them are needed:")
    Simulation(setting, outcome.seed, print).replay(small.actions)
    options.directory.mkdir(parents=True, exist_ok=True)
    file = options.directory / f"finding-{outcome.seed}.json"
    told = {"seed": outcome.seed, "findings": small.findings, "actions": small.actions}
    file.write_text(json.dumps(told | ({"mutant": options.mutant} if options.mutant else {}), indent=1) + "\n")
    print(f"again: python -m simulator replay {file}; once it is mended, keep it in tests/simulator/findings/")


def _excused(outcomes: list[Outcome]) -> str:
    totals: dict[str, int] = {}
    for outcome in outcomes:
        for reason, count in outcome.excuses.items():
            totals[reason] = totals.get(reason, 0) + count
    return "holders absent at rest: " + (", ".join(f"{count} {reason}" for reason, count in totals.items()) or "none")


def _summary(outcomes: list[Outcome]) -> str:
    findings = sum(bool(each.findings) for each in outcomes)
    return f"{len(outcomes)} seeds, {sum(each.steps for each in outcomes)} steps, {findings} findings"


def add_commands(commands: Any) -> None:
    """The parsers of these commands; each sets `command_function`."""
    cores = os.cpu_count() or 1
    for function, words in (
        (run, "run one seed of the attack, a line for each step"),
        (replay, "replay the file of a finding"),
        (simulate, "attack with many seeds, on all cores"),
        (mutants, "attack wrong designs: each must be found"),
    ):
        parser = commands.add_parser(function.__name__, help=words, description=function.__doc__)
        parser.set_defaults(command_function=function)
        parser.add_argument("--app", default=APP, metavar="MODULE:NAME", help=f"the hooks (default: {APP})")
        if function is run:
            parser.add_argument("--seed", type=int, required=True, metavar="N")
            parser.add_argument(
                "--steps", type=int, metavar="K", help="actions before faults end (default: the seed says)"
            )
            parser.add_argument("--quiet", action="store_true", help="show a finding only")
        if function is replay:
            parser.add_argument("file", type=Path, metavar="FILE")
        if function is simulate:
            parser.add_argument("--seeds", type=int, default=500, metavar="N", help="how many (default: 500)")
            parser.add_argument("--first", type=int, default=0, metavar="K", help="the first seed (default: 0)")
            parser.add_argument(
                "--findings-max", type=int, default=3, metavar="N", help="stop after so many (default: 3)"
            )
        if function is mutants:
            parser.add_argument("--seeds", type=int, default=MUTANT_SEEDS, metavar="N", help="the most for each mutant")
            parser.add_argument("--only", default="", metavar="TEXT", help="mutants whose name has this text")
        if function in {run, simulate}:
            parser.add_argument(
                "--mutant",
                choices=[item.name for item in MUTANTS],
                metavar="NAME",
                help="attack this wrong design instead",
            )
            parser.add_argument(
                "--directory", type=Path, default=Path(), metavar="DIR", help="where findings are written"
            )
        if function in {simulate, mutants}:
            parser.add_argument("--jobs", type=int, default=cores, metavar="J", help=f"processes (default: {cores})")
