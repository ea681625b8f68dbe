"""The commands that attack the design: run one seed, replay a file, run thousands of seeds, hunt mutants.

The hooks are loaded by a dotted name, because the judge must not import them. They must read the time from the header
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
from simulator.cluster import FOREIGN_CRDS, ROOT, integrations
from simulator.kubernetes.manifests import read_manifests
from simulator.kubernetes.resources import Catalog
from simulator.metacontroller.webhook import wsgi_caller
from simulator.mutants.catalog import MUTANTS
from simulator.mutants.hunt import Hunt, hunted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from simulator.mutants.mutant import Mutant

APP = "hooks.app:create_app"
BY_NAME: dict[str | None, Mutant] = {item.name: item for item in MUTANTS}
#: The most seeds that are tried for each mutant.
MUTANT_SEEDS = 400
SHARE = 25
SECONDS_BETWEEN_LINES = 15.0
#: The hooks, the mutant or None, and the seeds of one job.
Share = tuple[str, str | None, range]


@cache
def setting_for(app: str, mutant: Mutant | None = None) -> Setting:
    """The shipped CRDs and controllers with the hooks of this dotted name, or with a mutant of this design."""
    os.environ.setdefault("IPAM_REPLAY", "1")
    logging.disable(logging.CRITICAL)
    folders = (ROOT / "metacontroller", ROOT / "deploy" / "admission")
    controllers = [item.obj for folder in folders for item in read_manifests(folder)] + integrations()
    definitions = [item.obj for path in (ROOT / "crds", FOREIGN_CRDS) for item in read_manifests(path)] + controllers
    application = _application(app)
    definitions = _crds(definitions)
    if mutant is None:
        return Setting(Catalog(definitions), controllers, lambda now: wsgi_caller(application, now))
    changed = Catalog(mutant.definitions(definitions))
    return Setting(
        changed,
        mutant.controllers(controllers),
        lambda now: mutant.caller(wsgi_caller(application, now), now),
        mutant.bias,
    )


def _crds(objects: list[Any]) -> list[Any]:
    return [obj for obj in objects if obj.get("kind") == "CustomResourceDefinition"]


def _application(name: str) -> Any:
    """The WSGI application of this name, or the one that the function of this name makes for replay."""
    module_name, _, attribute = name.partition(":")
    sys.path[:0] = [str(ROOT)] if str(ROOT) not in sys.path else []
    found = getattr(importlib.import_module(module_name), attribute or "app")
    if attribute != "create_app":
        return found
    settings = importlib.import_module(f"{module_name.rpartition('.')[0]}.settings").settings_from()
    return found(settings)


# --- the commands


def run(options: argparse.Namespace) -> int:
    """Run one seed with a line for each step; a finding is shortened and written to a file."""
    setting = setting_for(options.app, BY_NAME.get(options.mutant))
    simulation = Simulation(setting, options.seed, None if options.quiet else print)
    outcome = simulation.run(options.steps)
    if not outcome.findings:
        print(_summary([outcome]))
        return 0
    _show(options, outcome)
    return 1


def replay(options: argparse.Namespace) -> int:
    """Do the actions of a file, with a line for each step."""
    try:
        finding = json.loads(options.file.read_text())
    except (OSError, ValueError) as error:
        print(f"error: {options.file} can't be read: {error}", file=sys.stderr)
        return 2
    setting = setting_for(options.app, BY_NAME[finding["mutant"]] if "mutant" in finding else None)
    simulation = Simulation(setting, finding["seed"], print)
    outcome = simulation.replay([tuple(action) for action in finding["actions"]])
    print(_summary([outcome]))
    return int(bool(outcome.findings))


def simulate(options: argparse.Namespace) -> int:
    """Run many seeds on all cores."""
    seeds = range(options.first, options.first + options.seeds)
    shares = [(options.app, options.mutant, seeds[at : at + SHARE]) for at in range(0, len(seeds), SHARE)]
    outcomes: list[Outcome] = []
    progress = Progress()
    for share in _in_parallel(shares, options.jobs):
        outcomes += share
        _name_findings(share)
        bad = [each for each in outcomes if each.findings]
        progress.show(f"{len(outcomes)} of {options.seeds} seeds", sum(each.steps for each in outcomes), len(bad))
        if len(bad) >= options.findings_max:
            break
    progress.end()
    for outcome in [each for each in outcomes if each.findings][: options.findings_max]:
        _show(options, outcome)
    print(_excused(outcomes))
    print(_summary(outcomes))
    return int(any(each.findings for each in outcomes))


def _name_findings(outcomes: list[Outcome]) -> None:
    """Print what was found in these runs at once: the others may take an hour."""
    for outcome in outcomes:
        for finding in outcome.findings:
            print(f"\nseed {outcome.seed}: {finding}", file=sys.stderr, flush=True)


class Progress:
    """A line on standard error that is overwritten, or, without a terminal, a line now and then."""

    def __init__(self) -> None:
        self._began = self._shown = time.monotonic()
        self._is_terminal = sys.stderr.isatty()

    def show(self, done: str, steps: int, findings: int) -> None:
        """Print the progress."""
        now = time.monotonic()
        if not self._is_terminal and now - self._shown < SECONDS_BETWEEN_LINES:
            return
        self._shown = now
        line = f"{done}, {steps} steps, {steps / (now - self._began):.0f}/s, {findings} findings"
        start, end = ("\r", "") if self._is_terminal else ("", "\n")
        print(f"{start}{line}", end=end, file=sys.stderr, flush=True)

    def end(self) -> None:
        """End the line."""
        if self._is_terminal:
            print(file=sys.stderr)


def mutants(options: argparse.Namespace) -> int:
    """Check that every deliberately broken design is detected; print a line for each mutant when it is done."""
    numbers = [number for number, item in enumerate(MUTANTS) if options.only in item.name]
    began, hunts = time.monotonic(), []
    with ProcessPoolExecutor(options.jobs) as pool:
        for done in as_completed([pool.submit(hunted_number, options.app, each, options.seeds) for each in numbers]):
            hunts.append(done.result())
            print(hunts[-1], flush=True)
    print(_hunted(hunts, time.monotonic() - began))
    return int(any(hunt.objections or not hunt.is_found for hunt in hunts))


# --- helpers


def simulated_share(job: Share) -> list[Outcome]:
    """The outcomes of some seeds, with the actions of failing runs only."""
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
    """Print a finding with its shortest list of steps, and write it to a file."""
    setting = setting_for(options.app, BY_NAME.get(options.mutant))
    small = shrunk(setting, outcome)
    print(f"\nseed {outcome.seed}: {len(outcome.actions)} actions, {len(small.actions)} of them are needed:")
    Simulation(setting, outcome.seed, print).replay(small.actions)
    options.directory.mkdir(parents=True, exist_ok=True)
    file = options.directory / f"finding-{outcome.seed}.json"
    finding = {"seed": outcome.seed, "findings": small.findings, "actions": small.actions}
    file.write_text(json.dumps(finding | ({"mutant": options.mutant} if options.mutant else {}), indent=1) + "\n")
    print(f"replay it: python -m simulator replay {file}; after the fix, move it to tests/simulator/findings/")


def _hunted(hunts: list[Hunt], seconds: float) -> str:
    """The figures of all hunts, in three lines."""
    catches = [catch for hunt in hunts for catch in hunt.catches]
    detecting = {catch.invariant for catch in catches if catch.outcome}
    seeds, steps = sum(each.seeds for each in catches), sum(each.steps for each in catches)
    failing, found = sum(bool(hunt.objections) for hunt in hunts), sum(hunt.is_found for hunt in hunts)
    return (
        f"{seeds} seeds, {steps} steps, {seconds:.0f} seconds; "
        f"the right design fails where {failing} mutants were detected\n"
        f"{len(detecting)} of {len(INVARIANTS)} invariants detected a mutant by themselves\n"
        f"{found} of {len(hunts)} mutants detected"
    )


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
    """Add the parsers of these commands; each sets `command_function`."""
    for function, words, add_options in (
        (run, "run one seed of the attack, with a line for each step", _add_run_options),
        (replay, "replay the file of a finding", _add_replay_options),
        (simulate, "attack with many seeds on all cores", _add_simulate_options),
        (mutants, "check that every deliberately broken design is detected", _add_mutants_options),
    ):
        parser = commands.add_parser(function.__name__, help=words, description=function.__doc__)
        parser.set_defaults(command_function=function)
        parser.add_argument("--app", default=APP, metavar="MODULE:NAME", help=f"the hooks (default: {APP})")
        add_options(parser)


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, required=True, metavar="N", help="the seed")
    parser.add_argument(
        "--steps", type=int, metavar="K", help="actions before faults end (default: drawn from the seed)"
    )
    parser.add_argument("--quiet", action="store_true", help="print only a finding")
    _add_attack_options(parser)


def _add_replay_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the file of a finding")


def _add_simulate_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=500, metavar="N", help="number of seeds (default: 500)")
    parser.add_argument("--first", type=int, default=0, metavar="K", help="the first seed (default: 0)")
    parser.add_argument(
        "--findings-max", type=int, default=3, metavar="N", help="stop after this many findings (default: 3)"
    )
    _add_attack_options(parser)
    _add_jobs(parser)


def _add_mutants_options(parser: argparse.ArgumentParser) -> None:
    words = f"most seeds for each mutant (default: {MUTANT_SEEDS})"
    parser.add_argument("--seeds", type=int, default=MUTANT_SEEDS, metavar="N", help=words)
    parser.add_argument("--only", default="", metavar="TEXT", help="only mutants whose name contains this text")
    _add_jobs(parser)


def _add_attack_options(parser: argparse.ArgumentParser) -> None:
    names = [item.name for item in MUTANTS]
    parser.add_argument("--mutant", choices=names, metavar="NAME", help="attack this broken design instead")
    words = "folder for findings (default: the current one)"
    parser.add_argument("--directory", type=Path, default=Path(), metavar="DIR", help=words)


def _add_jobs(parser: argparse.ArgumentParser) -> None:
    cores = os.cpu_count() or 1
    parser.add_argument("--jobs", type=int, default=cores, metavar="J", help=f"number of processes (default: {cores})")
