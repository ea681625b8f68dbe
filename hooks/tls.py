"""TLS for the server. The certificate is read again after its files have changed, so a renewal needs no restart."""

import logging
import ssl
from pathlib import Path
from typing import Any

#: The names of the files, as in a Secret of the type kubernetes.io/tls.
CERTIFICATE, KEY = "tls.crt", "tls.key"
_log = logging.getLogger("gunicorn.error")


class RenewedContext:
    """What gunicorn's workers use as the SSLContext: they only call `wrap_socket`, once for each connection.

    If new files cannot be used, the former certificate stays in use, and the log says why. Clients reject it once it
    has expired.
    """

    def __init__(self, folder: Path) -> None:
        """Read the certificate and the key in a folder.

        Raises:
            ValueError: naming the folder and why its files cannot be used.
        """
        self._folder = folder
        try:
            self._stamp = self._read_stamp()
            self._context = self._load()
        except (OSError, ssl.SSLError) as error:
            raise ValueError(f'IPAM_TLS_FOLDER="{folder}" has no usable {CERTIFICATE} and {KEY}: {error}') from error

    def wrap_socket(self, client: Any, **options: Any) -> Any:
        """Wrap an accepted connection. The worker does the handshake, because only it limits its time."""
        self._renew()
        return self._context.wrap_socket(client, **options | {"do_handshake_on_connect": False})

    def _renew(self) -> None:
        try:
            stamp = self._read_stamp()
            if stamp == self._stamp:
                return
            self._stamp = stamp
            self._context = self._load()
        except (OSError, ssl.SSLError) as error:
            _log.error(
                "the certificate in %s could not be renewed, the former one stays in use: %s", self._folder, error
            )
        else:
            _log.info("the certificate in %s was renewed", self._folder)

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._folder / CERTIFICATE, self._folder / KEY)
        return context

    def _read_stamp(self) -> tuple[tuple[int, int], ...]:
        """What differs after a renewal; the files of a mounted Secret are links, which are replaced all at once."""
        found = [(self._folder / name).stat() for name in (CERTIFICATE, KEY)]
        return tuple((each.st_ino, each.st_mtime_ns) for each in found)
