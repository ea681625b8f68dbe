"""How gunicorn serves the hooks; read by `gunicorn` in this folder without being named. Figures: bench/README.md."""

import gc
import sys
from typing import Any

from hooks.settings import settings_from

try:
    settings = settings_from()
except ValueError as error:
    sys.exit(f"ipam: {error}")

wsgi_app = "hooks.app:create_app()"
bind = list(settings.bind)

# Two processes use two cores; threads let probes and small calls through while a body of 40 MB is read. More threads
# only mean more such bodies in memory at once.
worker_class = "gthread"
workers = settings.workers
threads = settings.threads
preload_app = True

# Metacontroller waits 30 s (metacontroller/*.yaml); its connections stay open for 90 s.
timeout = 60
graceful_timeout = 30
keepalive = 95

# Workers say that they are alive through a file; in memory, so that a slow disk can't make them look dead.
worker_tmp_dir = "/dev/shm"  # noqa: S108 (gunicorn makes a file of its own in it)
control_socket_disable = True
errorlog = "-"
accesslog = settings.access_log


def post_fork(server: Any, worker: Any) -> None:  # noqa: ARG001 (gunicorn passes them by position)
    """What is loaded by now lives as long as the process: the collector need not look at it again."""
    gc.freeze()
