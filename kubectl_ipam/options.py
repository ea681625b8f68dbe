"""The flags that all commands have, as kubectl plugins have them: after the verb."""

import argparse
import shutil

from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.sources.api import ApiSource
from kubectl_ipam.sources.files import FileSource
from kubectl_ipam.sources.kubectl import kubectl_source
from kubectl_ipam.sources.live import LoginNotSupported, live_source
from kubectl_ipam.sources.source import Source

OUTPUTS = ("wide", "json", "yaml")


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to read."""
    group = parser.add_argument_group("source")
    group.add_argument(
        "-f",
        "--filename",
        action="append",
        metavar="FILE",
        help="read manifests or a dump (kubectl get ... -o json) instead of a cluster: a file, a folder, or - for "
        "standard input; may be repeated",
    )
    _add_cluster_arguments(group)


def add_cluster_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to read, for a command that uses -f for something else."""
    _add_cluster_arguments(parser.add_argument_group("source"))


def _add_cluster_arguments(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--context", metavar="NAME", help="the context of the kubeconfig to use")
    group.add_argument("--kubeconfig", metavar="FILE", help="path of the kubeconfig")
    group.add_argument(
        "--via-kubectl",
        action="store_true",
        help="read the cluster through kubectl, for logins that only kubectl knows",
    )
    group.add_argument("-n", "--namespace", metavar="NAME", help="namespace of the objects that are named")
    group.add_argument("-A", "--all-namespaces", action="store_true", help="all namespaces")


def add_output_argument(parser: argparse.ArgumentParser, *formats: str) -> None:
    """The format of the output."""
    parser.add_argument("-o", "--output", choices=formats or OUTPUTS, help="output format")


def seconds(text: str) -> float:
    """A number of seconds."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f'"{text}" is no number of seconds, such as 10')
    return number


def whole_number(text: str) -> int:
    """A number of things."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f'"{text}" is no number, such as 10')
    return int(text)


def source_of(options: argparse.Namespace) -> Source:
    """The source that the flags name.

    Raises:
        Unanswerable: if there is none.
    """
    if options.filename:
        if options.context or options.kubeconfig or options.via_kubectl:
            raise Unanswerable("-f reads files, and --context, --kubeconfig and --via-kubectl a cluster: choose one")
        return FileSource(options.filename)
    return cluster_source(options)


def cluster_source(options: argparse.Namespace) -> ApiSource:
    """The cluster that the flags name.

    Raises:
        Unanswerable: if there is none.
    """
    if options.via_kubectl:
        return kubectl_source(options.kubeconfig, options.context)
    try:
        return live_source(options.kubeconfig, options.context)
    except LoginNotSupported as reason:
        if shutil.which("kubectl") is None:
            raise Unanswerable(f"{reason}: only kubectl can use it, which is not in PATH") from reason
        return kubectl_source(options.kubeconfig, options.context)
