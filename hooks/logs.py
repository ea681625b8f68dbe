"""Logs of the hooks and of gunicorn: one JSON object a line, or plain text at a terminal.

    {"time": "2026-11-23T20:00:02.123Z", "level": "warning", "logger": "ipam", "message": "...", "range": "infra/net"}

Every line has the first four fields. What a caller passes as `extra` follows, each as a field of its own; a traceback
is in `traceback`. All parts use `logging` and nothing else, so that no line has another form.
"""

import logging
from datetime import UTC, datetime
from typing import Any

from hooks.protocol.decoding import encode
from hooks.settings import Settings

#: What a record has without being asked. All else was passed as `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_TEXT = "%(asctime)s [%(process)d] %(levelname)s %(name)s: %(message)s"


class JsonFormatter(logging.Formatter):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        fields: dict[str, Any] = {
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            **self.details(record),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return encode(fields).decode()

    def details(self, record: logging.LogRecord) -> dict[str, Any]:
        """The message, and what was passed as `extra`; a value that has no form in JSON as text."""
        extra = {key: value for key, value in vars(record).items() if key not in _OWN}
        return {"message": record.getMessage(), **{key: _plain(value) for key, value in extra.items()}}


class AccessFormatter(JsonFormatter):
    """A call as gunicorn logs it: the message is a format, and the arguments are the values of all its letters."""

    def details(self, record: logging.LogRecord) -> dict[str, Any]:
        """The call, and its parts."""
        assert isinstance(record.args, dict), "gunicorn passes its atoms as one mapping"
        atoms: dict[str, Any] = record.args
        return {
            "message": f"{atoms['m']} {atoms['U']} {atoms['s']}",
            "client": atoms["h"],
            "method": atoms["m"],
            "path": atoms["U"],
            "status": int(atoms["s"]),
            "bytes": atoms["B"],
            "seconds": atoms["D"] / 1e6,
        }


def log_config(settings: Settings) -> dict[str, Any]:
    """The configuration of `logging`: errors and warnings to stderr, calls to where the settings want them."""
    access = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}
    if settings.access_log not in (None, "-"):
        access = {"class": "logging.FileHandler", "filename": settings.access_log}
    suffix = settings.log_format
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {"()": JsonFormatter},
            "text": {"format": _TEXT},
            "access-json": {"()": AccessFormatter},
            "access-text": {"format": "%(message)s"},
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": suffix},
            "access": {**access, "formatter": f"access-{suffix}"},
        },
        "root": {"level": "INFO", "handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": {"handlers": ["stderr"], "propagate": False},
            "gunicorn.access": {"handlers": ["access"] if settings.access_log else [], "propagate": False},
        },
    }


def _time_of(record: logging.LogRecord) -> str:
    """When the record was made, with milliseconds."""
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | list | dict | None) else str(value)
