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
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.cluster import ROOT
from simulator.hookcall import wsgi_caller
from simulator.manifests import read_manifests
from simulator.mutants import MUTANTS, Mutant
from simulator.resources import Catalog
from simulator.shrink import shrunk
from simulator.simulation import Outcome, Setting, Simulation

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

APP = "hooks.app:create_app"
#: A mutant that isn't found within so many seeds is not found.
MUTANT_SEEDS = 1500
SHARE = 25


@cache
def setting(app: str, mutant: Mutant | None = None) -> Setting:
    """The shipped CRDs and controllers with the hooks of this dotted name, or a mutant of them."""
    os.environ.setdefault("IPAM_REPLAY", "1")
    logging.disable(logging.CRITICAL)
    definitions = [item.obj for item in read_manifests(ROOT / "crds")]
    controllers = [item.obj for item in read_manifests(ROOT / "metacontroller")]
    application = _application(app)
    if mutant is None:
        return Setting(Catalog(_crds(definitions)), controllers, lambda now: wsgi_caller(application, now))
    changed = Catalog(_crds(mutant.definitions(definitions)))
    return Setting(changed, controllers, lambda now: mutant.caller(wsgi_caller(application, now)))


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
    simulation = Simulation(setting(options.app), options.seed, None if options.quiet else print)
    outcome = simulation.run(options.steps)
    if not outcome.findings:
        print(_summary([outcome]))
        return 0
    _show(options, outcome)
    return 1


def replay(options: argparse.Namespace) -> int:
    """The actions of a file."""
    told = json.loads(options.file.read_text())
    mutant = next((item for item in MUTANTS if item.name == told.get("mutant")), None)
    simulation = Simulation(setting(options.app, mutant), told["seed"], print)
    outcome = simulation.replay([tuple(action) for action in told["actions"]])
    print(_summary([outcome]))
    return int(bool(outcome.findings))


def simulate(options: argparse.Namespace) -> int:
    """Many seeds on all cores."""
    seeds = range(options.first, options.first + options.seeds)
    shares = [(options.app, seeds[at : at + SHARE]) for at in range(0, len(seeds), SHARE)]
    outcomes: list[Outcome] = []
    began = time.monotonic()
    for share in _in_parallel(shares, options.jobs):
        outcomes += share
        bad = sum(bool(each.findings) for each in outcomes)
        steps = sum(each.steps for each in outcomes)
        speed = steps / (time.monotonic() - began)
        print(
            f"\r{len(outcomes)} of {options.seeds} seeds, {steps} steps, {speed:.0f}/s, {bad} findings",
            end="",
            file=sys.stderr,
        )
        if bad >= options.findings_max:
            break
    print(file=sys.stderr)
    for outcome in [each for each in outcomes if each.findings][: options.findings_max]:
        _show(options, outcome)
    print(_excused(outcomes))
    print(_summary(outcomes))
    return int(any(each.findings for each in outcomes))


def mutants(options: argparse.Namespace) -> int:
    """Every mutant, until a checker finds it."""
    jobs = [(options.app, number, options.seeds) for number, item in enumerate(MUTANTS) if options.only in item.name]
    found = 0
    with ProcessPoolExecutor(options.jobs) as pool:
        for (_, number, _), (seeds, outcome) in zip(jobs, pool.map(_hunted, jobs), strict=True):
            found += bool(outcome)
            what = f"{outcome.invariants[0]} after {seeds} seeds" if outcome else f"NOT FOUND in {seeds} seeds"
            print(f"{MUTANTS[number].name:52} {MUTANTS[number].rule:20} {what}", flush=True)
    print(f"{found} of {len(jobs)} mutants found")
    return int(found < len(jobs))


# --- helpers


def simulated_share(job: tuple[str, range]) -> list[Outcome]:
    """The outcomes of some seeds, without the actions of good ones."""
    app, seeds = job
    outcomes = []
    for seed in seeds:
        outcome = Simulation(setting(app), seed).run()
        if not outcome.findings:
            outcome.actions = []
        outcomes.append(outcome)
    return outcomes


def _in_parallel(shares: list[tuple[str, range]], jobs: int) -> Iterator[list[Outcome]]:
    if jobs == 1:
        yield from map(simulated_share, shares)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(simulated_share, shares)
        pool.shutdown(cancel_futures=True)


def _hunted(job: tuple[str, int, int]) -> tuple[int, Outcome | None]:
    app, number, seeds = job
    return hunted(setting(app, MUTANTS[number]), seeds)


def hunted(hunting_ground: Setting, seeds: int, first: int = 0) -> tuple[int, Outcome | None]:
    """How many seeds it took to find something wrong, and what that was."""
    for count, seed in enumerate(range(first, first + seeds), start=1):
        outcome = Simulation(hunting_ground, seed).run()
        if outcome.findings:
            return count, outcome
    return seeds, None


def _show(options: argparse.Namespace, outcome: Outcome) -> None:
    """A finding: seed, shortest list of steps, file."""
    small = shrunk(setting(options.app), outcome)
    print(f"\nseed {outcome.seed}: {len(outcome.actions)} actions, {len(small.actions)} of them are needed:")
    Simulation(setting(options.app), outcome.seed, print).replay(small.actions)
    file = options.directory / f"finding-{outcome.seed}.json"
    text = json.dumps({"seed": outcome.seed, "findings": small.findings, "actions": small.actions}, indent=1)
    file.write_text(text + "\n")
    print(f"again: python -m simulator replay {file}")


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
        if function in {simulate, mutants}:
            parser.add_argument("--jobs", type=int, default=cores, metavar="J", help=f"processes (default: {cores})")
        parser.add_argument("--directory", type=Path, default=Path(), metavar="DIR", help="where findings are written")
