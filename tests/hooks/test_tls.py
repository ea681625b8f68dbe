"""The server of the hooks with TLS, on loopback: renewal without restart, files that cannot be used, slow clients."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from hooks.tls import RenewedContext

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
REQUEST_SECONDS_MAX = 3
CONNECTIONS = 300

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl creates the certificates")


def make_certificates(folder: Path) -> None:
    """Runs the shipped script, for a server on loopback."""
    script = [str(ROOT / "deploy/tls/certificates.sh"), str(folder)]
    subprocess.run(script, check=True, capture_output=True, env=os.environ | {"NAMES": "IP:127.0.0.1"})


class Server:
    """gunicorn with one process, which serves the certificates of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    @contextmanager
    def running(self) -> Iterator[Server]:
        own = {
            "IPAM_BIND": f"127.0.0.1:{self.port}",
            "IPAM_WORKERS": "1",
            "IPAM_REQUEST_SECONDS_MAX": f"{REQUEST_SECONDS_MAX}",
            "IPAM_TLS_FOLDER": str(self.folder),
        }
        with self.log.open("w") as log:
            server = subprocess.Popen([sys.executable, "-m", "gunicorn"], cwd=ROOT, env=os.environ | own, stderr=log)
        with server:
            try:
                self.wait_ready()
                yield self
            finally:
                server.terminate()

    def wait_ready(self) -> None:
        for _ in range(300):
            try:
                assert self.probe(requests.Session()) == 200
            except requests.ConnectionError:
                time.sleep(0.1)
            else:
                return
        raise TimeoutError(self.log.read_text())

    def probe(self, session: requests.Session) -> int:
        url = f"https://127.0.0.1:{self.port}/healthz"
        return session.get(url, timeout=10, verify=str(self.folder / "ca.crt")).status_code

    def serial(self) -> str:
        """The serial number of the certificate that a new connection gets."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as client,
        ):
            certificate = client.getpeercert()
        assert certificate is not None
        return str(certificate["serialNumber"])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    make_certificates(tmp_path)
    with Server(tmp_path).running() as server:
        yield server


def test_a_renewed_certificate_is_served_to_new_connections_and_existing_ones_stay(server: Server) -> None:
    with requests.Session() as session:
        assert server.probe(session) == 200
        first = server.serial()
        make_certificates(server.folder)
        assert server.serial() != first
        assert server.probe(session) == 200
    assert f"the certificate in {server.folder} was renewed" in server.log.read_text()


def test_the_former_certificate_stays_in_use_while_the_new_files_do_not_belong_together(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = server.serial()
    other = tmp_path_factory.mktemp("other")
    make_certificates(other)
    shutil.copy(other / "tls.key", server.folder)
    assert server.serial() == server.serial() == first
    (logged,) = [line for line in server.log.read_text().splitlines() if "could not be renewed" in line]
    assert "the former one stays in use" in logged
    make_certificates(server.folder)
    assert server.serial() != first


def test_clients_that_begin_a_handshake_and_do_not_end_it_do_not_stop_the_probes(server: Server) -> None:
    with ExitStack() as stack:
        opened = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            for _ in range(CONNECTIONS)
        ]
        opened[0].sendall(b"\x16\x03\x01")
        assert [server.probe(requests.Session()) for _ in range(3)] == [200] * 3
        start = time.monotonic()
        assert opened[0].recv(1) == b""
        assert time.monotonic() - start < 20


def test_a_client_that_speaks_plain_http_is_refused_in_one_line_of_the_log(server: Server) -> None:
    with pytest.raises(requests.RequestException):
        requests.get(f"http://127.0.0.1:{server.port}/healthz", timeout=10)
    assert server.probe(requests.Session()) == 200
    text = server.log.read_text()
    assert "TLS handshake with ('127.0.0.1'" in text
    assert "Traceback" not in text


def test_a_client_that_does_not_trust_the_ca_leaves_no_traceback(server: Server) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"https://127.0.0.1:{server.port}/healthz", timeout=10)
    assert server.probe(requests.Session()) == 200
    assert "Traceback" not in server.log.read_text()


def test_a_folder_without_a_certificate_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f'IPAM_TLS_FOLDER="{tmp_path}" has no usable tls.crt and tls.key: .*tls.crt'):
        RenewedContext(tmp_path)
    (tmp_path / "tls.crt").write_text("nonsense")
    (tmp_path / "tls.key").write_text("nonsense")
    with pytest.raises(ValueError, match="has no usable"):
        RenewedContext(tmp_path)


def test_gunicorn_does_not_start_without_a_certificate_that_it_can_serve(tmp_path: Path) -> None:
    own = os.environ | {"IPAM_TLS_FOLDER": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn"], cwd=ROOT, env=own, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert f'ipam: IPAM_TLS_FOLDER="{tmp_path}" has no usable' in done.stderr
    assert "Traceback" not in done.stderr
