"""The gunicorn worker: greenlets, so that connections that send nothing more do not occupy a thread.

The application computes without pauses, so each process works on one call at a time, and waits for all others at once.
"""

import ssl
from typing import Any

import gevent
from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventWorker

from hooks.settings import settings_from

#: A part of an answer that is longer is sent alone: copying it costs more than another packet.
JOINED_BYTES_MAX = 65_536


class HookLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Makes lines of the access log only if they are logged. gunicorn makes them if logging is configured at all."""

    @property
    def access_log_enabled(self) -> bool:
        """Whether calls are logged."""
        return bool(self.cfg.accesslog)


class JoinedAnswer:
    """The connection of a call, which sends the headers and the body of an answer together, if that is short.

    gunicorn sends each with `sendall`, which costs two packets. `100 Continue` it sends with `send`, and this and all
    else is that of the socket.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._unsent = bytearray()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: bytes) -> None:
        """Send these bytes, now or later.

        Raises:
            OSError: the client has left.
        """
        if len(data) > JOINED_BYTES_MAX:
            self.flush()
            self._sock.sendall(data)
            return
        self._unsent += data
        if len(self._unsent) > JOINED_BYTES_MAX:
            self.flush()

    def flush(self) -> None:
        """Send what was not sent yet.

        Raises:
            OSError: the client has left.
        """
        unsent, self._unsent = self._unsent, bytearray()
        if unsent:
            self._sock.sendall(unsent)


class HookWorker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker that ends a request whose body does not arrive. Headers have the time of an idle connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request_seconds_max = settings_from().request_seconds_max

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Answer the requests of a connection, after its TLS handshake."""
        if not isinstance(client, ssl.SSLSocket) or self._shake_hands(client, addr):
            super().handle(listener, client, addr)

    def _shake_hands(self, client: ssl.SSLSocket, addr: Any) -> bool:
        try:
            with gevent.Timeout(self.request_seconds_max):
                client.do_handshake()
        except (OSError, gevent.Timeout) as error:
            self.log.warning("TLS handshake with %s failed: %s", addr, error)
            return False
        return True

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Answer a request.

        Raises:
            StopIteration: the connection is to be closed.
        """
        answer = JoinedAnswer(sock)
        try:
            with gevent.Timeout(self.request_seconds_max):
                try:
                    super().handle_request(listener_name, req, answer, addr)
                finally:
                    answer.flush()
        except gevent.Timeout as late:
            self.log.warning("%s %s was not complete after %s: connection closed", req.method, req.path, late)
            raise StopIteration from None
