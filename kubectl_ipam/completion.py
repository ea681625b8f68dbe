"""Completion: `kubectl_complete-ipam`, which kubectl (1.26 and later) calls with the words typed so far.

It prints a candidate in each line, with a description behind a tab, and at last `:4`: complete no file names. An error
prints no candidate, because a shell that completes is no place for messages.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence

from msgspec import MsgspecError

from kubectl_ipam.cli import COMMANDS, parser_of
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.resources import NAMESPACES, RANGES, REQUESTS, Resource
from kubectl_ipam.snapshot import objects_of_list

NO_FILES, FILES = ":4", ":0"
#: The most objects that are offered.
CANDIDATES_MAX = 500
#: What the first argument of a command names.
_ARGUMENTS: dict[str, Resource] = {
    "show": RANGES,
    "map": RANGES,
    "watch": RANGES,
    "export": RANGES,
    "explain": REQUESTS,
}
#: The flags that stand alone, before no command.
_OWN_FLAGS = {"--help": "show the help of the plugin", "--version": "print the version of the plugin"}
#: Commands whose arguments are files.
_FILE_COMMANDS = ("import",)
#: Flags whose value is a file.
_FILE_FLAGS = ("-f", "--filename", "--kubeconfig", "--state", "--svg", "--html")


def main() -> None:
    """Print the candidates for the words of the command line."""
    words = sys.argv[1:]
    for line in completions(words):
        print(line)


def completions(words: Sequence[str]) -> Iterator[str]:
    """The lines for these words, of which the last is the one to complete."""
    *before, last = words or [""]
    is_file = bool(before) and before[0] in _FILE_COMMANDS and not last.startswith("-")
    if before and (is_file or before[-1] in _FILE_FLAGS):
        yield FILES
        return
    yield from sorted(each for each in _candidates(before, last) if each.startswith(last))
    yield NO_FILES


def _candidates(before: Sequence[str], last: str) -> Iterator[str]:
    if not before:
        words = _OWN_FLAGS if last.startswith("-") else COMMANDS
        yield from (f"{word}\t{text}" for word, text in words.items())
        return
    verb = before[0]
    if verb not in COMMANDS:
        return
    options = _known_options(before)
    if before[-1] in ("-n", "--namespace"):
        yield from _names(NAMESPACES, options, None)
    elif last.startswith("-"):
        yield from _flags(verb)
    elif verb in _ARGUMENTS:
        namespace, slash, _ = last.rpartition("/")
        found = _names(_ARGUMENTS[verb], options, namespace or options.namespace)
        yield from (f"{namespace}/{name}" if slash else name for name in found)


def _flags(verb: str) -> Iterator[str]:
    shown = (each for each in parser_of(verb)._actions if each.help != argparse.SUPPRESS)
    for action in shown:
        yield from (f"{flag}\t{action.help or ''}" for flag in action.option_strings)


def _known_options(words: Sequence[str]) -> argparse.Namespace:
    """The flags that say which cluster and namespace is meant."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    for flag in ("--context", "--kubeconfig"):
        parser.add_argument(flag)
    parser.add_argument("-n", "--namespace")
    parser.add_argument("--via-kubectl", action="store_true")
    complete = words[:-1] if words and words[-1].startswith("-") else words
    return parser.parse_known_args(complete)[0]


def _names(resource: Resource, options: argparse.Namespace, namespace: str | None) -> list[str]:
    from kubectl_ipam.options import cluster_source

    try:
        source = cluster_source(options)
        within = (namespace or source.default_namespace) if resource.namespaced else None
        answer = source.get(f"{resource.path(within)}?limit={CANDIDATES_MAX}")
        return [key.rpartition("/")[2] for key in objects_of_list(answer.body)]
    except (Unanswerable, MsgspecError):
        return []
