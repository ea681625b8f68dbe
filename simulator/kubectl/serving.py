"""The hooks of this checkout under gunicorn, while a command runs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.metacontroller.webhook import HooksUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 20.0


@contextmanager
def served_hooks(root: Path) -> Iterator[str]:
    """Start gunicorn in the folder `root` on a free loopback port, yield its URL, and stop it at the end.

    Raises:
        HooksUnreachable: gunicorn does not start; the message has the end of its log.
    """
    address = ("127.0.0.1", _free_port())
    command = [str(Path(sys.executable).with_name("gunicorn")), "--log-level", "warning"]
    environment = {**os.environ, "IPAM_BIND": f"{address[0]}:{address[1]}"}
    process = subprocess.Popen(  # noqa: S603 (the program of this environment, without a shell)
        command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        _wait_for(address, process)
        yield f"http://{address[0]}:{address[1]}"
    finally:
        process.terminate()
        process.communicate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(address: tuple[str, int], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    process.kill()
    assert process.stderr is not None
    errors = process.stderr.read()
    raise HooksUnreachable(f"the hooks did not start: {errors.strip()[-500:]}")
