"""A stand-in for the network of a cluster: an HTTP proxy that knows Services by name and connects to programs here.

Metacontroller calls the hooks by the name of their Service, by HTTP or HTTPS. As a client of this proxy it can do so
although the name does not exist on this machine, so that the controllers need not be changed.
"""

from __future__ import annotations

import random
import select
import socket
import socketserver
import threading
from urllib.parse import urlsplit

CHUNK_BYTES = 1 << 16
HEAD_BYTES_MAX = 1 << 16
CONNECT_SECONDS_MAX = 5.0
CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
NO_BACKEND = b"HTTP/1.1 502 no such Service, or it has no pods\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class ServiceProxy(socketserver.ThreadingTCPServer):
    """The proxy. Each connection goes to one pod, drawn by chance, as with kube-proxy.

    Attributes:
        backends: ports on loopback, by `name.namespace:port` of a Service.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.backends: dict[str, list[int]] = {}
        self._is_started = False

    @property
    def url(self) -> str:
        """The value of HTTP_PROXY and HTTPS_PROXY for a client."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        """Serves in a thread, until `stop`."""
        self._is_started = True
        threading.Thread(target=self.serve_forever, name="services", daemon=True).start()

    def stop(self) -> None:
        """Ends the thread and closes the port."""
        if self._is_started:
            self.shutdown()
        self.server_close()

    def connect(self, address: str) -> socket.socket | None:
        """A connection to a pod of a Service; None if it has none."""
        for port in _shuffled(self.backends.get(address, ())):
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=CONNECT_SECONDS_MAX)
            except OSError:
                continue
        return None


class _Connection(socketserver.BaseRequestHandler):
    """A client's connection."""

    server: ServiceProxy
    request: socket.socket

    def handle(self) -> None:
        head = self._read_head()
        if not head:
            return
        method, target = head.split(b" ", 2)[:2]
        is_tunnel = method == b"CONNECT"
        address = target.decode() if is_tunnel else _address_of(target.decode())
        pod = self.server.connect(address)
        if pod is None:
            self.request.sendall(NO_BACKEND)
            return
        with pod:
            if is_tunnel:
                self.request.sendall(CONNECTED)
            else:
                pod.sendall(head)
            _relay(self.request, pod)

    def _read_head(self) -> bytes:
        """What the client sends first, to the end of the headers at least."""
        head = b""
        while b"\r\n\r\n" not in head and len(head) < HEAD_BYTES_MAX:
            part = self.request.recv(CHUNK_BYTES)
            if not part:
                return b""
            head += part
        return head


def _address_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 80}"


def _shuffled(ports: list[int] | tuple[()]) -> list[int]:
    return random.sample(ports, len(ports))


def _relay(client: socket.socket, pod: socket.socket) -> None:
    """Copies both ways until one side closes."""
    pod.settimeout(None)
    other = {client: pod, pod: client}
    try:
        while True:
            for source in select.select([client, pod], [], [])[0]:
                part = source.recv(CHUNK_BYTES)
                if not part:
                    return
                other[source].sendall(part)
    except OSError:
        return
