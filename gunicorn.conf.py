"""Settings for serving the hooks; `gunicorn` reads them when started in this folder. Figures: bench/README.md."""

# ruff: noqa: E402 (sockets and locks are replaced before anything else uses them)
from gevent import monkey

monkey.patch_all()

import gc
import sys
from pathlib import Path
from typing import Any

from hooks.arbiter import make_metrics_folder, start_exposition
from hooks.logs import log_config
from hooks.settings import settings_from
from hooks.tls import CERTIFICATE, KEY, RenewedContext

try:
    settings = settings_from()
    tls = RenewedContext(Path(settings.tls_folder)) if settings.tls_folder is not None else None
except ValueError as error:
    sys.exit(f"ipam: {error}")

wsgi_app = "hooks.app:create_app()"
bind = list(settings.bind)

if tls is not None:
    certfile, keyfile = f"{settings.tls_folder}/{CERTIFICATE}", f"{settings.tls_folder}/{KEY}"

# A proxy such as the sidecar of a service mesh can say nothing about a call: both lists of headers are empty, so it
# does not matter who sends them. By default a proxy on loopback could make a call fail, or change its path.
forwarded_allow_ips = "*"
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

# Two processes use two cores. While one works on a call, the other answers probes and small calls. Connections wait in
# greenlets: with threads, a few clients that send half a body would stop the server.
worker_class = "hooks.worker.HookWorker"
workers = settings.workers
worker_connections = 512
preload_app = True

# The timeout of Metacontroller is 30 s (metacontroller/*.yaml); it keeps connections open for 90 s.
timeout = 60
graceful_timeout = 30
keepalive = 95

# Workers report that they are alive through a file. It is in memory, because a slow disk would make them look dead.
worker_tmp_dir = "/dev/shm"  # noqa: S108 (gunicorn creates its own file in it)
control_socket_disable = True
errorlog = "-"
accesslog = settings.access_log
logger_class = "hooks.worker.HookLogger"
logconfig_dict = log_config(settings)

if settings.metrics_bind:
    make_metrics_folder()  # before the application is imported


def when_ready(server: Any) -> None:
    """Serve the metrics beside the workers."""
    if settings.metrics_bind:
        start_exposition(settings.metrics_bind, server.LISTENERS)


def post_fork(server: Any, worker: Any) -> None:  # noqa: ARG001 (gunicorn passes them by position)
    """Exempt all loaded objects from garbage collection, because they are used as long as the process runs."""
    gc.freeze()


def ssl_context(config: Any, default_ssl_context_factory: Any) -> Any:  # noqa: ARG001 (gunicorn passes them by position)
    """The context of all connections, if `certfile` is set."""
    return tls
