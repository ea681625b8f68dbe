"""Settings, read once from the environment at start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set; the variable of each field is `IPAM_` and its name in upper case."""

    body_bytes_max: int = 64 * 1024 * 1024
    """Largest body that is read, in bytes; a larger one is answered 413. 10,000 requests are 20 to 40 MB."""

    replay: bool = False
    """Whether a call may set the time, by the header `Ipam-Now` (RFC 3339). For fixtures; never in a cluster."""

    workers: int = 2
    """Number of processes of gunicorn."""

    request_seconds_max: int = 60
    """Time for reading and answering a request, in seconds; then its connection is closed."""

    bind: tuple[str, ...] = ("0.0.0.0:8080",)
    """Addresses where gunicorn listens, as `host:port`; the variable separates them by commas."""

    tls_folder: str | None = None
    """Folder with `tls.crt` and `tls.key`, by which gunicorn serves HTTPS. None means plain HTTP."""

    metrics_bind: str | None = None
    """Address where the metrics are served, as `host:port`. None means nowhere."""

    access_log: str | None = None
    """Where gunicorn logs each call: a file, or `-` for stdout. None means nowhere."""

    log_format: str = "json"
    """Form of the logs: `json`, one object a line, or `text`."""

    history_log: str = ""
    """Where events are logged, as lines of JSON: a file, or `-` for stdout. "" means nowhere."""


def settings_from(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        ValueError: naming the variable, its value and what would be right.
    """
    default = Settings()
    return Settings(
        body_bytes_max=_positive_integer(environment, "IPAM_BODY_BYTES_MAX", default.body_bytes_max),
        replay=_switch(environment, "IPAM_REPLAY"),
        workers=_positive_integer(environment, "IPAM_WORKERS", default.workers),
        request_seconds_max=_positive_integer(environment, "IPAM_REQUEST_SECONDS_MAX", default.request_seconds_max),
        bind=tuple(environment["IPAM_BIND"].split(",")) if "IPAM_BIND" in environment else default.bind,
        tls_folder=environment.get("IPAM_TLS_FOLDER"),
        metrics_bind=_address(environment, "IPAM_METRICS_BIND"),
        access_log=environment.get("IPAM_ACCESS_LOG") or None,
        log_format=_one_of(environment, "IPAM_LOG_FORMAT", ("json", "text")),
        history_log=environment.get("IPAM_HISTORY_LOG", default.history_log),
    )


def _positive_integer(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError(f'{name}="{text}" is not a positive number')
    return int(text)


def _address(environment: Mapping[str, str], name: str) -> str | None:
    text = environment.get(name)
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError(f'{name}="{text}" is not an address such as 0.0.0.0:9464')
    return text


def _one_of(environment: Mapping[str, str], name: str, words: tuple[str, ...]) -> str:
    """One of these words; the first one is the default."""
    text = environment.get(name, words[0])
    if text not in words:
        raise ValueError(f'{name}="{text}" is none of {", ".join(words)}')
    return text


def _switch(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name, "0")
    if text not in ("0", "1"):
        raise ValueError(f'{name}="{text}" is neither 0 nor 1')
    return text == "1"
