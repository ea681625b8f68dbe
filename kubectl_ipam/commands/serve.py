"""`kubectl ipam serve`: ranges, maps and requests as a web page on this machine."""

import argparse
import webbrowser
from math import inf

from kubectl_ipam.call import Call
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.options import add_source_arguments
from kubectl_ipam.output.svg import svg_of
from kubectl_ipam.page.reading import Reading
from kubectl_ipam.page.server import LOOPBACK, Page, Server
from kubectl_ipam.snapshot import Snapshot

DESCRIPTION = """\
Show ranges, their maps, holders, and why requests wait as a web page, which is kept up to date. The page is served on
127.0.0.1 to this machine only, reads with the rights of your kubeconfig, and changes nothing. Its URL has a secret
part: keep it to yourself.
"""
EPILOG = """\
examples:
  kubectl ipam serve --open              and open it in the browser
  kubectl ipam serve --port 8765 --every 30
  kubectl ipam serve -f dump.json        the page of a dump

Ctrl-C ends it. exit code: 0; 2 if the source can't be read, or the port is in use.
"""
EVERY_SECONDS = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("--port", type=_port, default=0, metavar="NUMBER", help="TCP port; a free one by default")
    parser.add_argument(
        "--every", type=_seconds, default=EVERY_SECONDS, metavar="SECONDS",
        help="how often the cluster is read while the page is open (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    add_source_arguments(parser)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f'"{text}" is not a port, such as 8765')
    return int(text)


def _seconds(text: str) -> float:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f'"{text}" is not a number of seconds, such as 5')
    return float(text)


def run(call: Call) -> int:
    """Serve until Ctrl-C."""
    with server_of(call) as server:
        call.screen.line(f"{call.source.origin} is shown at {server.url}")
        call.note("Ctrl-C ends it.")
        call.out.flush()
        if call.options.open:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


def server_of(call: Call) -> Server:
    """The server, which listens already. Raises Unanswerable."""
    source, seconds = call.source, call.options.every

    def read() -> Snapshot:
        return source.read(fallback=call.options.namespace or "")

    reading = Reading(call.read(), read, seconds if source.is_live else inf)
    try:
        return Server(Page(reading, seconds, svg_of), call.options.port)
    except OSError as fault:
        where = f"{LOOPBACK}:{call.options.port}"
        raise Unanswerable(f"{where} can't be used: {fault.strerror}. Choose another --port, or none") from fault
