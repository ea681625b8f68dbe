"""Serve the metrics of all workers, at an address of their own: `python -m hooks.exposition ADDRESS PID`.

This is a process of its own, which gunicorn's arbiter starts. So a scrape is answered while all workers are busy, and
no number of scrapes delays a call. A NetworkPolicy can admit Prometheus here, and not to the hooks.

Workers write to files in a folder of shared memory (hooks/arbiter.py).
"""

import logging.config
import os
import shutil
import socket
import sys
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.multiprocess import MultiProcessCollector

from hooks.arbiter import METRICS_FOLDER_VARIABLE
from hooks.logs import log_config
from hooks.settings import settings_from

_PARENT_CHECK_SECONDS = 1.0
_CLIENT_SECONDS_MAX = 10


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each scrape."""

    daemon_threads = True
    timeout = _PARENT_CHECK_SECONDS

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking a name server for the name of this machine: nothing needs it."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "", self.socket.getsockname()[1]
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    timeout = _CLIENT_SECONDS_MAX

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is wsgiref's)
        """Log nothing: a scrape is no news."""


def main(address: str, parent_id: int) -> None:
    """Serve until the parent ends."""
    logging.config.dictConfig(log_config(settings_from()))
    host, _, port = address.rpartition(":")
    try:
        server = _Server(host.strip("[]"), int(port))
    except OSError as error:
        logging.getLogger("ipam.metrics").critical("no metrics: can't listen at %s: %s", address, error.strerror)
        sys.exit(1)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    server.set_app(make_wsgi_app(registry))
    while os.getppid() == parent_id:
        server.handle_request()
    shutil.rmtree(os.environ[METRICS_FOLDER_VARIABLE], ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
