"""The command line: apply and delete manifests, let the cluster come to rest, print what kubectl would print."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import yaml

from simulator.apply import BadMerge
from simulator.campaign import add_commands
from simulator.clock import RealClock
from simulator.cluster import ROOT, Cluster
from simulator.controller import BadController
from simulator.errors import ApiError, Invalid, NotFound
from simulator.hookcall import Caller, HooksUnreachable, http_caller
from simulator.manifests import BadManifest, Manifest, read_manifests
from simulator.objects import Obj, joined, key_of, meta
from simulator.scheduler import NeverQuiet
from simulator.serving import served_hooks
from simulator.tables import Layout, table
from simulator.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.resources import Resource

EPILOG = """\
Steps are carried out in the order in which they are written. After each step the cluster runs until nothing changes,
then the tables are printed. Everything is gone when the command ends.

examples:
  python -m simulator apply examples/sizes.yaml
  python -m simulator apply examples/sizes.yaml --delete examples/sizes.yaml --get ipamranges -o wide
  cat range.yaml | python -m simulator apply - --hooks http://127.0.0.1:9090 --watch
  python -m simulator apply a.yaml --delete b.yaml --apply c.yaml -o yaml

exit code: 0 if everything was done; 1 if a manifest was refused or the hooks can't be reached.
"""


class _Step(argparse.Action):
    """Collects steps of both kinds in the order of the command line."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        del parser
        verb = (option_string or "--apply").removeprefix("--")
        namespace.steps = [*(namespace.steps or []), (verb, list(values or []))]


def main(arguments: Sequence[str] | None = None, caller: Caller | None = None) -> int:
    """Run the command line and return the exit code. `caller` replaces HTTP, for tests."""
    options = _parser().parse_args(arguments)
    if options.command != "apply":
        return int(options.command_function(options))
    try:
        with ExitStack() as stack:
            if caller is None:
                caller = http_caller(options.hooks or stack.enter_context(served_hooks(options.root)))
            cluster = Cluster.shipped(caller, root=options.root, clock=RealClock(), seed=options.seed)
            return Session(cluster, options, sys.stdin, sys.stdout, sys.stderr).run()
    except (BadManifest, BadController, HooksUnreachable, NeverQuiet, NotFound) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


class Session:
    """One run of `apply`: a cluster, the wanted steps, and where to print."""

    def __init__(
        self, cluster: Cluster, options: argparse.Namespace, stdin: IO[str], out: IO[str], err: IO[str]
    ) -> None:
        """`options` are those of `_parser`. Raises NotFound for an unknown kind to show."""
        self._cluster = cluster
        self._options = options
        self._stdin, self._out, self._err = stdin, out, err
        self._failed = False
        words = options.get or sorted({word for item in cluster.catalog.resources for word in item.categories})
        self._shown = list(dict.fromkeys(item for word in words for item in cluster.catalog.called(word)))
        layout = Layout(namespaces=options.namespace is None, wide=options.output == "wide", kinds=True)
        self._watch = Watch(cluster.store, self._shown, layout, options.namespace, self._print)

    def run(self) -> int:
        """Do all steps; return the exit code."""
        for number, (verb, files) in enumerate(self._options.steps):
            if number:
                self._print("")
            for manifest in self._manifests(files):
                self._do(verb, manifest)
            after_step = self._watch.show if self._options.watch else None
            if after_step:
                after_step()
            self._cluster.scheduler.run_until_quiet(horizon=self._options.wait, after_step=after_step)
            self._warn()
            self._print("")
            self._show()
        return int(self._failed)

    # --- steps

    def _manifests(self, files: list[str]) -> list[Manifest]:
        found: list[Manifest] = []
        for file in files:
            try:
                found += read_manifests(file, self._stdin)
            except BadManifest as error:
                self._fail(f"error: {error}")
        return found

    def _do(self, verb: str, manifest: Manifest) -> None:
        obj, namespace = manifest.obj, self._options.namespace or "default"
        try:
            name = f"{self._cluster.catalog.of(obj).singular_name}/{meta(obj).get('name')}"
            if verb == "apply":
                self._print(f"{name} {self._cluster.apply(obj, namespace)}")
            else:
                self._cluster.delete(obj, namespace)
                resource, _, word = name.partition("/")
                self._print(f'{resource} "{word}" deleted')
        except (ApiError, BadMerge) as error:
            self._fail(_refusal(verb, manifest, error))

    def _fail(self, message: str) -> None:
        self._failed = True
        print(message, file=self._err)

    def _warn(self) -> None:
        """Say which objects' last sync failed: without that a broken hook would show as nothing at all."""
        for controller in self._cluster.metacontroller.controllers:
            for (resource, key), message in controller.failing.items():
                print(f"Warning: {resource.singular_name}/{joined(key)}: {message}", file=self._err)

    # --- output

    def _print(self, line: str) -> None:
        print(line, file=self._out)

    def _show(self) -> None:
        found = {item: self._cluster.store.list(item, self._options.namespace) for item in self._shown}
        if self._options.output in {"yaml", "json"}:
            self._show_list([obj for objects in found.values() for obj in objects])
            return
        filled = {item: objects for item, objects in found.items() if objects}
        if not filled:
            self._print(f"No resources found{_in_namespace(self._options.namespace)}")
            return
        layout = self._layout(filled)
        now = self._cluster.clock.now()
        tables = (table(item, objects, layout, now) for item, objects in filled.items())
        self._out.write("\n".join(tables))

    def _layout(self, filled: dict[Resource, list[Obj]]) -> Layout:
        """A namespace column as soon as there is more than one namespace to tell apart."""
        namespaces = {key_of(obj)[0] for objects in filled.values() for obj in objects}
        return Layout(
            namespaces=len(namespaces - {""}) > 1,
            wide=self._options.output == "wide",
            kinds=len(self._shown) > 1,
        )

    def _show_list(self, objects: list[Obj]) -> None:
        listed = {"apiVersion": "v1", "items": objects, "kind": "List", "metadata": {"resourceVersion": ""}}
        if self._options.output == "json":
            self._print(json.dumps(listed, indent=4))
        else:
            self._out.write(yaml.safe_dump(listed, default_flow_style=False, width=2**31))


def _refusal(verb: str, manifest: Manifest, error: ApiError | BadMerge) -> str:
    """A refusal in kubectl's words."""
    if isinstance(error, Invalid):
        listed = [str(fault) for fault in error.faults]
        why = listed[0] if len(listed) == 1 else "".join(f"\n* {line}" for line in listed)
        return f'The {error.kind} "{error.name}" is invalid: {why}'
    if isinstance(error, NotFound) and str(error).startswith("no matches for kind"):
        key = key_of(manifest.obj)
        return (
            f'error: resource mapping not found for name: "{key[1]}" namespace: "{key[0]}" from "{manifest.source}": '
            f"{error}\nensure CRDs are installed first"
        )
    if isinstance(error, BadMerge):
        return f'error: error when applying "{manifest.source}": {error}'
    doing = "creating" if verb == "apply" else "deleting"
    return f'Error from server ({error.reason}): error when {doing} "{manifest.source}": {error}'


def _in_namespace(namespace: str | None) -> str:
    return f" in {namespace} namespace." if namespace else ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="A cluster in a box: an API server and Metacontroller on this machine that call the real hooks.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    apply = commands.add_parser(
        "apply",
        help="apply manifests, let the hooks work, print the tables",
        description="Apply manifests to an empty cluster, run until nothing changes, print the tables of kubectl get.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_steps(apply)
    _add_output(apply)
    add_commands(commands)
    return parser


def _add_steps(apply: argparse.ArgumentParser) -> None:
    apply.set_defaults(steps=None)
    apply.add_argument(
        "first",
        nargs="+",
        metavar="FILE",
        action=_Step,
        help="a manifest, a folder of manifests, or - for standard input",
    )
    apply.add_argument("--apply", nargs="+", metavar="FILE", action=_Step, help="a further step: apply these")
    apply.add_argument(
        "--delete", nargs="+", metavar="FILE", action=_Step, help="a further step: delete what these name"
    )
    apply.add_argument(
        "--hooks", metavar="URL", help="where the hooks answer (default: those of this checkout, started for the while)"
    )
    apply.add_argument("--seed", type=int, metavar="N", help="shuffle the cluster's steps; the same N, the same order")
    apply.add_argument(
        "--wait",
        type=float,
        metavar="SECONDS",
        default=1.0,
        help="how long to wait for a timer, such as a hook's resync, before all counts as quiet (default: 1)",
    )
    apply.add_argument("--root", type=Path, metavar="DIR", default=ROOT, help="where crds/ and metacontroller/ are")


def _add_output(apply: argparse.ArgumentParser) -> None:
    apply.add_argument(
        "--get",
        action="append",
        metavar="KIND",
        help="show this kind (any name kubectl takes, or a category); may be repeated (default: all of the CRDs)",
    )
    apply.add_argument("-o", "--output", choices=("wide", "yaml", "json"), help="as for kubectl get")
    apply.add_argument(
        "-n",
        "--namespace",
        metavar="NAME",
        help="for manifests that name none (default: default); if given, show only what is there",
    )
    apply.add_argument("--watch", action="store_true", help="print each change of a shown object as it happens")
