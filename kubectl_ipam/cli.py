"""The command line: `kubectl ipam VERB ...`. One module of `commands` for each verb; only that one is imported."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from keyword import iskeyword
from types import ModuleType

from kubectl_ipam import shipped
from kubectl_ipam.errors import Unanswerable
from simulator.discarding import discard_output

#: All verbs in the order of the help. The module `kubectl_ipam.commands.VERB` of each has `DESCRIPTION`, `EPILOG`,
#: `add_arguments(parser)` and `run(call) -> exit code`.
COMMANDS: dict[str, str] = {
    "show": "list ranges with what is used, free and waiting; or one range with its map",
    "map": "draw the addresses of a range",
    "get": "find who has an address or a block, or why no request has it; or search requests by a text",
    "check": "audit ledgers, answers, requests, extents, the installation and clocks",
    "plan": "show what would be granted if manifests were applied or deleted now",
    "explain": "explain where a request stands, what it waits for and what to do",
    "tree": "show domains, their ranges, holders, and ranges inside of blocks",
    "watch": "print grants and releases as they happen",
    "history": "show the former holders of an address, from the logs of the hooks",
    "export": "write ranges and blocks as CSV, JSON, or for NetBox",
    "import": "turn what another address manager exports into manifests that keep all addresses",
    "serve": "show ranges, maps and requests as a web page on this machine",
}


PROG = "kubectl ipam"

USAGE = f"""\
usage: {PROG} COMMAND [flags]

Show, explain, audit and try what the ranges of a cluster hold. Every command only reads.

commands:
{{commands}}

{PROG} COMMAND --help describes a command and its exit codes. Most commands read the cluster of your kubeconfig.
With -f, all but plan, watch and history read a dump (kubectl get ... -o json) instead, or manifests, which are tried in
a cluster in a box. Flags follow the command. {PROG} --version prints the version.
"""

EXIT_USAGE = 2


def run(arguments: Sequence[str]) -> int:
    """Run a command line; gives the exit code."""
    try:
        code = _answer(arguments)
        sys.stdout.flush()
    except Unanswerable as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head`
        discard_output()
        return 0
    except OSError as error:  # of the output: what can't be read is Unanswerable
        discard_output()
        return _fail(f"the output can't be written: {error.strerror}", EXIT_USAGE)
    return code


def _answer(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage(), end="")
        return 0 if arguments else EXIT_USAGE
    if arguments[0] in ("--version", "version"):
        print(PROG, shipped.version())
        return 0
    verb, *rest = arguments
    if verb not in COMMANDS:
        return _fail(_unknown(verb), EXIT_USAGE)
    if "" in rest:
        return _fail(
            'an argument is "": is a variable of the shell not set? Leave the argument out, or write a name', 2
        )
    from kubectl_ipam.call import Call

    code: int = command(verb).run(Call(parser_of(verb).parse_args(rest)))
    return code


def usage() -> str:
    """The help of the plugin."""
    width = max(map(len, COMMANDS))
    return USAGE.format(commands="\n".join(f"  {verb:<{width}}  {text}" for verb, text in COMMANDS.items()))


def command(verb: str) -> ModuleType:
    """The module of a verb; that of one which is a word of Python has an underscore behind it."""
    return importlib.import_module(f"kubectl_ipam.commands.{verb}{'_' if iskeyword(verb) else ''}")


def parser_of(verb: str) -> argparse.ArgumentParser:
    """The parser of a verb's arguments."""
    module = command(verb)
    parser = argparse.ArgumentParser(
        prog=f"{PROG} {verb}",
        description=module.DESCRIPTION,
        epilog=module.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    return parser


def _unknown(verb: str) -> str:
    if verb.startswith("-"):
        return f'flags follow the command: "{verb}" comes before it. Write {PROG} COMMAND {verb} ...'
    return f'unknown command "{verb}": the commands are {", ".join(COMMANDS)}'


def _fail(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code
