"""What gunicorn's arbiter does for the metrics: it prepares their folder, and starts the process that serves them.

prometheus_client reads the name of the folder when it is imported. So it is not imported here, and
`make_metrics_folder` is called before the application is.
"""

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

METRICS_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (the folder in it belongs to one process, and is for its user only)


def make_metrics_folder() -> None:
    """Make the folder of this process and its workers, empty, and name it in the environment."""
    folder = _SHARED_MEMORY / f"ipam-metrics-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    os.environ[METRICS_FOLDER_VARIABLE] = str(folder)


def start_exposition(address: str, listeners: Iterable[Any]) -> int:
    """Start the process that serves the metrics, without the sockets on which the arbiter listens.

    Returns:
        its id. It ends when its parent does.
    """
    command = [sys.executable, "-m", "hooks.exposition", address, str(os.getpid())]
    closed = [(os.POSIX_SPAWN_CLOSE, listener.fileno()) for listener in listeners]
    return os.posix_spawn(sys.executable, command, os.environ, file_actions=closed)
