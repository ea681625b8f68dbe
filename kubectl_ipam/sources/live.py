"""A cluster, by lightkube: with the user's own kubeconfig, and so with the user's own rights."""

import os
from pathlib import Path
from typing import NamedTuple

import httpx2
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.config.kubeconfig import DEFAULT_KUBECONFIG, SERVICE_ACCOUNT, KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError

from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.sources.api import Answer, ApiSource

#: Lists of ten thousand requests take seconds on a busy API server.
TIMEOUT_SECONDS = 60.0


class LoginNotSupported(Exception):
    """A kubeconfig that only kubectl can use, such as one of several files or a login plugin."""


class Connection(NamedTuple):
    """How to reach a cluster.

    Attributes:
        client: sends requests to its API server.
        origin: its name in messages.
        namespace: that of the context.
    """

    client: httpx2.Client
    origin: str
    namespace: str


def connect(kubeconfig: str | None, context: str | None) -> Connection:
    """Read the kubeconfig as kubectl finds it, and prepare a client.

    Raises:
        LoginNotSupported: if only kubectl can use this kubeconfig.
        Unanswerable: if there is none, or it has no such context.
    """
    config = _config(kubeconfig, context)
    try:
        client = Client(config, ConnectionParams(timeout=httpx2.Timeout(TIMEOUT_SECONDS)))
    except ConfigError as error:
        raise LoginNotSupported(str(error)) from error
    return Connection(client, f"context {config.context_name}", config.namespace)


def live_source(kubeconfig: str | None, context: str | None) -> ApiSource:
    """A cluster as a source. Raises as `connect`."""
    connection = connect(kubeconfig, context)

    def get(path: str) -> Answer:
        try:
            answer = connection.client.get(path)
        except httpx2.HTTPError as error:
            url = connection.client.base_url
            raise Unanswerable(
                f"{connection.origin} at {url} can't be reached: {error}. Check it with: kubectl cluster-info"
            ) from error
        except ConfigError as error:
            raise LoginNotSupported(str(error)) from error
        return Answer(answer.status_code, answer.content, answer.headers.get("date", ""))

    return ApiSource(get, connection.origin, connection.namespace)


def _config(kubeconfig: str | None, context: str | None) -> SingleConfig:
    paths = [path for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path]
    if kubeconfig is None and len(paths) > 1:
        raise LoginNotSupported("KUBECONFIG names several files")
    path = kubeconfig or (paths[0] if paths else DEFAULT_KUBECONFIG)
    try:
        if not kubeconfig and not Path(path).expanduser().is_file() and Path(SERVICE_ACCOUNT).is_dir():
            config = KubeConfig.from_service_account().get(context)
        else:
            config = KubeConfig.from_file(path).get(context)
    except ConfigError as error:
        raise Unanswerable(f"{error}. Name another one by --kubeconfig or --context, or read files by -f") from error
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise Unanswerable(f"the kubeconfig {path} can't be read: {error!r}") from error
    assert config is not None, "without a default there is a configuration or an error"
    return config
