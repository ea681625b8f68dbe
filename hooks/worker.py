"""The gunicorn worker: greenlets, so that connections that send nothing more do not occupy a thread.

The application computes without pauses, so each process works on one call at a time, and waits for all others at once.
"""

import ssl
from typing import Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

from hooks.settings import settings_from


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
        try:
            with gevent.Timeout(self.request_seconds_max):
                super().handle_request(listener_name, req, sock, addr)
        except gevent.Timeout as late:
            self.log.warning("%s %s was not complete after %s: connection closed", req.method, req.path, late)
            raise StopIteration from None
