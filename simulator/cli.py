"""The command line of the simulator; `commands` has the commands that attack the design."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.cluster import ROOT, Cluster
from simulator.commands import add_commands
from simulator.discarding import discard_output
from simulator.kubectl.fields import FieldSelector
from simulator.kubectl.serving import served_hooks
from simulator.kubectl.session import Session
from simulator.kubernetes.clock import RealClock
from simulator.kubernetes.errors import BadRequest, NotFound
from simulator.kubernetes.manifests import BadManifest
from simulator.metacontroller.controller import BadController
from simulator.metacontroller.webhook import Caller, HooksUnreachable, http_caller
from simulator.scheduler import NeverQuiet

if TYPE_CHECKING:
    from collections.abc import Sequence


EPILOG = """\
Steps are done in the order of the command line. After each step the cluster runs until nothing changes, then the
tables are printed. Nothing is kept after the command exits.

examples:
  python -m simulator apply examples/sizes.yaml
  python -m simulator apply examples/sizes.yaml --get ipamranges -o wide
  cat range.yaml | python -m simulator apply - --hooks http://127.0.0.1:9090 --watch
  python -m simulator apply a.yaml --delete b.yaml --apply c.yaml -o yaml

exit code: 0 if all steps were done; 1 if a manifest was refused or the hooks can't be reached.
"""


#: The namespaces that every cluster has.
NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


class _Step(argparse.Action):
    """Collects `--apply` and `--delete` steps in the order of the command line."""

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
            cluster.require_namespaces(*NAMESPACES)
            code = Session(cluster, options, sys.stdin, sys.stdout, sys.stderr).run()
            sys.stdout.flush()
            return code
    except BrokenPipeError:  # `| head`
        discard_output()
        return 0
    except OSError as error:  # such as a full disk
        discard_output()
        print(f"error: {error.strerror}", file=sys.stderr)
        return 1
    except (BadManifest, BadController, BadRequest, HooksUnreachable, NeverQuiet, NotFound) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="A cluster in a box: an API server and a Metacontroller on this machine that call the real hooks.",
        epilog="to try your own manifests: python -m simulator apply my.yaml --watch",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    apply = commands.add_parser(
        "apply",
        help="apply manifests, run the hooks, print the tables",
        description="Apply manifests to an empty cluster, run until nothing changes, print tables as kubectl get does.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_steps(apply)
    _add_output(apply)
    add_commands(commands)
    return parser


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f'"{text}" is no URL, such as http://127.0.0.1:8080')
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f'"{text}" is no number of seconds, such as 30')
    return seconds


def _root(text: str) -> Path:
    for name in ("crds", "metacontroller"):
        if not (Path(text) / name).is_dir():
            raise argparse.ArgumentTypeError(f'"{text}" has no folder {name}: name a checkout of ipam')
    return Path(text)


def _add_steps(apply: argparse.ArgumentParser) -> None:
    apply.set_defaults(steps=None)
    apply.add_argument(
        "first",
        nargs="+",
        metavar="FILE",
        action=_Step,
        help="a manifest, a folder of manifests, or - for standard input",
    )
    apply.add_argument("--apply", nargs="+", metavar="FILE", action=_Step, help="a further step: apply these files")
    apply.add_argument(
        "--delete", nargs="+", metavar="FILE", action=_Step, help="a further step: delete the objects of these files"
    )
    apply.add_argument(
        "--hooks",
        metavar="URL",
        type=_url,
        help="URL of the hooks (default: start the hooks of this checkout for this command)",
    )
    apply.add_argument(
        "--seed", type=int, metavar="N", help="shuffle the steps of the cluster; equal seeds give equal orders"
    )
    apply.add_argument(
        "--wait",
        type=_seconds,
        metavar="SECONDS",
        default=1.0,
        help="wait this long for a timer, such as a resync, before the cluster counts as quiet (default: 1)",
    )
    apply.add_argument("--root", type=_root, metavar="DIR", default=ROOT, help="folder with crds/ and metacontroller/")


def _add_output(apply: argparse.ArgumentParser) -> None:
    apply.add_argument(
        "--get",
        action="append",
        metavar="KIND",
        help="show this kind (any name that kubectl accepts, or a category); may be repeated (default: all kinds)",
    )
    apply.add_argument("-o", "--output", choices=("wide", "yaml", "json"), help="output format, as for kubectl get")
    apply.add_argument(
        "-n",
        "--namespace",
        metavar="NAME",
        help="namespace of manifests that name none (default: default); if given, show only its objects",
    )
    apply.add_argument(
        "--field-selector",
        type=FieldSelector,
        metavar="SELECTOR",
        default=FieldSelector(""),
        help="show only objects with these values of selectable fields, such as status.state=Ready",
    )
    apply.add_argument("--watch", action="store_true", help="print each change of a shown row as it happens")
