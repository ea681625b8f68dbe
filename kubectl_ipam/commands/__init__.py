"""The verbs: one module for each of them (see `kubectl_ipam.cli.COMMANDS`).

A module has `DESCRIPTION` and `EPILOG`, the text before and behind the flags in its help; `add_arguments(parser)`;
and `run(call) -> int`, which prints the answer and gives the exit code.
"""
