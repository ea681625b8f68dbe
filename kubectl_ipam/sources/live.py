"""A cluster, by lightkube: with the user's own kubeconfig, and so with the user's own rights."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Any, NamedTuple

import httpx2
import yaml
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.config.kubeconfig import DEFAULT_KUBECONFIG, SERVICE_ACCOUNT, KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError

from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.sources.api import FILES_INSTEAD, Answer, ApiSource

#: Lists of ten thousand requests take seconds on a busy API server.
TIMEOUT_SECONDS = 60.0
#: How often an API server that is busy is asked again, and the longest pause before that in seconds.
BUSY_ANSWERS_MAX, PAUSE_SECONDS_MAX = 10, 2.0

#: What lightkube raises if a login plugin is missing, fails, or prints no token.
_LOGIN_FAULTS = (ConfigError, OSError, KeyError, TypeError, ValueError)


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
    if config.user and config.user.exec:
        _log_in(client)
    return Connection(client, f"context {config.context_name}", config.namespace)


def _log_in(client: httpx2.Client) -> None:
    """Run the login plugin, which otherwise runs at the first read. Raises LoginNotSupported if it gives no token."""
    with suppress(httpx2.HTTPError):  # the first read reports it
        try:
            client.get("/version")
        except _LOGIN_FAULTS as error:
            raise LoginNotSupported(f"the login plugin of the kubeconfig gives no token ({error})") from error


def live_source(kubeconfig: str | None, context: str | None) -> ApiSource:
    """A cluster as a source. Raises as `connect`."""
    connection = connect(kubeconfig, context)

    def get(path: str) -> Answer:
        try:
            answer = _patiently(connection.client, path)
        except httpx2.HTTPError as error:
            fault = f"{connection.origin} at {connection.client.base_url} can't be reached: {str(error).rstrip('.')}"
            raise Unanswerable(f"{fault}. Check it with: kubectl cluster-info") from error
        except _LOGIN_FAULTS as error:
            raise _login_failed(connection, error) from error
        return Answer(answer.status_code, answer.content, answer.headers.get("date", ""))

    def stream(path: str) -> Iterator[bytes]:
        try:
            with connection.client.stream("GET", path, timeout=httpx2.Timeout(TIMEOUT_SECONDS, read=None)) as answer:
                for line in answer.iter_lines():
                    yield line.encode()
        except httpx2.HTTPError as error:
            raise Unanswerable(f"{connection.origin} ended the watch: {error}") from error
        except _LOGIN_FAULTS as error:
            raise _login_failed(connection, error) from error

    return ApiSource(get, stream, connection.origin, connection.namespace)


def _login_failed(connection: Connection, error: Exception) -> Unanswerable:
    return Unanswerable(f"{connection.origin}: the login failed: {error}. Log in again")


def _patiently(client: httpx2.Client, path: str) -> httpx2.Response:
    """The answer to a GET; the API server also answers 429 for a moment after a CRD was applied."""
    for _ in range(BUSY_ANSWERS_MAX):
        answer = client.get(path)
        if answer.status_code != httpx2.codes.TOO_MANY_REQUESTS:
            return answer
        wished = answer.headers.get("retry-after", "")
        sleep(min(float(wished) if wished.isdecimal() else PAUSE_SECONDS_MAX, PAUSE_SECONDS_MAX))
    return client.get(path)


def _config(kubeconfig: str | None, context: str | None) -> SingleConfig:
    paths = [path for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path]
    if kubeconfig is None and len(paths) > 1:
        raise LoginNotSupported("KUBECONFIG names several files")
    path = Path(kubeconfig or (paths[0] if paths else DEFAULT_KUBECONFIG)).expanduser()
    try:
        if not kubeconfig and not path.is_file() and Path(SERVICE_ACCOUNT).is_dir():
            config = KubeConfig.from_service_account().get(context)
        else:
            config = _config_in(path, context)
    except ConfigError as error:
        raise Unanswerable(f"{error}. Name another one by --kubeconfig or --context, {FILES_INSTEAD}") from error
    except (KeyError, TypeError, AttributeError, ValueError, OSError, RecursionError, yaml.YAMLError) as error:
        fault = f"the kubeconfig {path} can't be read: {_fault_of(error)}"
        raise Unanswerable(f"{fault}. Name another one by --kubeconfig, {FILES_INSTEAD}") from error
    assert config is not None, "without a default there is a configuration or an error"
    return config


def _fault_of(error: Exception) -> str:
    """What is wrong with a kubeconfig, by the exception that it causes."""
    match error:
        case OSError():
            return error.strerror or str(error)
        case yaml.MarkedYAMLError(problem_mark=yaml.Mark() as mark):
            return f"line {mark.line + 1}, column {mark.column + 1} is no YAML"
        case UnicodeDecodeError() | yaml.YAMLError():
            return "it is no YAML"
        case KeyError():
            return f"it has no {error.args[0]}"
        case RecursionError():
            return "it is nested too deeply"
        case _:
            return "it is no kubeconfig, such as kubectl config view prints"


def _config_in(path: Path, context: str | None) -> SingleConfig | None:
    """The configuration of a context. Raises ConfigError, LoginNotSupported, and what a malformed file causes."""
    if not path.is_file():
        raise ConfigError(f"the kubeconfig {path} is no file" if path.exists() else f"there is no kubeconfig {path}")
    document = yaml.safe_load(path.read_text())
    config = KubeConfig.from_dict(document, fname=path).get(context)
    if config is not None:
        named = {each["name"]: each["user"] or {} for each in document.get("users") or []}
        _check_supported(named.get(config.context.user, {}), _KNOWN_OF_USERS, "user")
        clusters = {each["name"]: each["cluster"] for each in document["clusters"]}
        _check_supported(clusters[config.context.cluster], _KNOWN_OF_CLUSTERS, "cluster")
    return config


#: What lightkube uses of a kubeconfig. It ignores everything else, such as the user to impersonate.
_KNOWN_OF_USERS = {
    "exec", "username", "password", "token", "tokenFile", "client-certificate", "client-certificate-data", "client-key",
    "client-key-data",
}  # fmt: skip
_KNOWN_OF_CLUSTERS = {
    "server", "certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify", "extensions",
    "disable-compression",
}  # fmt: skip
_EXEC_VERSIONS = ("client.authentication.k8s.io/v1alpha1", "client.authentication.k8s.io/v1beta1")


def _check_supported(settings: dict[str, Any], known: set[str], what: str) -> None:
    """Raises LoginNotSupported if it has settings that would be ignored."""
    if ignored := sorted(settings.keys() - known):
        raise LoginNotSupported(f"the {what} of the kubeconfig has {', '.join(ignored)}")
    version = (settings.get("exec") or {}).get("apiVersion", _EXEC_VERSIONS[0])
    if version not in _EXEC_VERSIONS:
        raise LoginNotSupported(f"its login plugin speaks {version}")
