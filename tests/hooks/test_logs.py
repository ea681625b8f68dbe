"""Logs: each line is one JSON object with the same first fields, whoever logs it and whatever is wrong."""

import json
import logging
import logging.config
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config

from hooks.logs import AccessFormatter, JsonFormatter, log_config
from hooks.settings import Settings
from hooks.worker import HookLogger


def line_of(record: logging.LogRecord) -> dict[str, Any]:
    text = JsonFormatter().format(record)
    assert "\n" not in text
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def record_of(message: str, *args: object, **extra: object) -> logging.LogRecord:
    return logging.getLogger("ipam").makeRecord("ipam", logging.WARNING, "file", 1, message, args, None, extra=extra)


def test_a_line_has_time_level_logger_and_message_first() -> None:
    record = record_of("%s refused", "/ipamrange/sync")
    record.created = datetime(2026, 11, 23, 20, 0, 2, 123_900, tzinfo=UTC).timestamp()

    assert list(line_of(record).items()) == [
        ("time", "2026-11-23T20:00:02.123Z"),
        ("level", "warning"),
        ("logger", "ipam"),
        ("message", "/ipamrange/sync refused"),
    ]


def test_extra_fields_keep_their_json_type_and_anything_else_becomes_text() -> None:
    line = line_of(record_of("granted", revision=7, holders=["a"], path=Path("/x"), absent=None))

    assert {key: line[key] for key in ("revision", "holders", "path", "absent")} == {
        "revision": 7,
        "holders": ["a"],
        "path": "/x",
        "absent": None,
    }


def test_a_traceback_is_a_field_of_the_same_line() -> None:
    record = record_of("a bug")
    try:
        int("quoted \n text")
    except ValueError:
        record.exc_info = sys.exc_info()

    assert line_of(record)["traceback"].endswith("for int() with base 10: 'quoted \\n text'")


def test_line_ends_quotes_and_surrogates_in_a_message_do_not_break_the_line() -> None:
    assert line_of(record_of('a\n"b" \N{SNOWMAN}'))["message"] == 'a\n"b" \N{SNOWMAN}'


def test_a_call_is_logged_by_its_parts() -> None:
    atoms = {"m": "POST", "U": "/ipamrange/sync", "s": "200", "h": "10.0.0.1", "B": 865, "D": 37_418}
    record = logging.makeLogRecord({"name": "gunicorn.access", "levelno": 20, "levelname": "INFO"})
    record.msg, record.args = "%(h)s", atoms

    assert (
        json.loads(AccessFormatter().format(record)).items()
        >= {
            "message": "POST /ipamrange/sync 200",
            "client": "10.0.0.1",
            "status": 200,
            "bytes": 865,
            "seconds": 0.037418,
        }.items()
    )


@pytest.mark.parametrize(("form", "start"), [("json", '{"time":"2'), ("text", "2")])
def test_errors_are_written_to_stderr_in_the_form_of_the_setting(
    form: str, start: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logging.config.dictConfig(log_config(Settings(log_format=form)))
        logging.getLogger("ipam.test").error("out of order")
    finally:
        root.handlers[:], root.level = before, level

    printed = capsys.readouterr()
    assert printed.err.startswith(start)
    assert "out of order" in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(("access_log", "is_made"), [(None, False), ("-", True)])
def test_a_line_that_is_not_logged_is_not_made(access_log: str | None, is_made: bool) -> None:
    config = Config()
    config.set("accesslog", access_log)
    config.set("logconfig_dict", log_config(Settings(access_log=access_log)))
    assert HookLogger(config).access_log_enabled is is_made


@pytest.mark.parametrize(("access_log", "handlers"), [(None, []), ("-", ["access"])])
def test_calls_are_logged_only_if_the_setting_says_where(access_log: str | None, handlers: list[str]) -> None:
    assert log_config(Settings(access_log=access_log))["loggers"]["gunicorn.access"]["handlers"] == handlers
