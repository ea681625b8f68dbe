"""Settings: read once; a refusal names the variable, its value and what would be right."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hooks.settings import Settings, settings_from

ROOT = Path(__file__).parents[2]


def test_without_variables_the_documented_defaults_apply() -> None:
    assert settings_from({}) == Settings(
        body_bytes_max=64 * 1024 * 1024, replay=False, workers=2, request_seconds_max=60
    )


@pytest.mark.parametrize(("text", "access_log"), [("", None), ("-", "-"), ("/var/log/calls", "/var/log/calls")])
def test_an_empty_access_log_is_none(text: str, access_log: str | None) -> None:
    assert settings_from({"IPAM_ACCESS_LOG": text}).access_log == access_log


def test_each_setting_is_read_from_its_variable() -> None:
    environment = {
        "IPAM_BODY_BYTES_MAX": "1000",
        "IPAM_REPLAY": "1",
        "IPAM_WORKERS": "3",
        "IPAM_REQUEST_SECONDS_MAX": "5",
        "IPAM_TLS_FOLDER": "/etc/ipam/tls",
        "IPAM_METRICS_BIND": "[::]:9464",
        "IPAM_LOG_FORMAT": "text",
        "IPAM_HISTORY_LOG": "-",
    }
    assert settings_from(environment | {"WORKERS": "9"}) == Settings(
        1000,
        replay=True,
        workers=3,
        request_seconds_max=5,
        tls_folder="/etc/ipam/tls",
        metrics_bind="[::]:9464",
        log_format="text",
        history_log="-",
    )
    assert settings_from({"IPAM_REPLAY": "0"}).replay is False


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"IPAM_BODY_BYTES_MAX": "0"}, 'IPAM_BODY_BYTES_MAX="0" is not a positive number'),
        ({"IPAM_BODY_BYTES_MAX": "-1"}, 'IPAM_BODY_BYTES_MAX="-1" is not a positive number'),
        ({"IPAM_BODY_BYTES_MAX": "64Mi"}, 'IPAM_BODY_BYTES_MAX="64Mi" is not a positive number'),
        ({"IPAM_BODY_BYTES_MAX": ""}, 'IPAM_BODY_BYTES_MAX="" is not a positive number'),
        ({"IPAM_BODY_BYTES_MAX": "٨"}, 'IPAM_BODY_BYTES_MAX="٨" is not a positive number'),
        ({"IPAM_WORKERS": "0"}, 'IPAM_WORKERS="0" is not a positive number'),
        ({"IPAM_WORKERS": "many"}, 'IPAM_WORKERS="many" is not a positive number'),
        ({"IPAM_REPLAY": "true"}, 'IPAM_REPLAY="true" is neither 0 nor 1'),
        ({"IPAM_REPLAY": ""}, 'IPAM_REPLAY="" is neither 0 nor 1'),
        ({"IPAM_METRICS_BIND": "9464"}, 'IPAM_METRICS_BIND="9464" is not an address such as 0.0.0.0:9464'),
        ({"IPAM_METRICS_BIND": "[::]:65536"}, 'IPAM_METRICS_BIND="[::]:65536" is not an address such as 0.0.0.0:9464'),
        ({"IPAM_LOG_FORMAT": "xml"}, 'IPAM_LOG_FORMAT="xml" is none of json, text'),
    ],
    ids=lambda value: "-".join(f"{name}={text!a}" for name, text in value.items()) if isinstance(value, dict) else "",
)
def test_a_wrong_setting_stops_the_start(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match="IPAM_") as refused:
        settings_from(environment)
    assert str(refused.value) == message


def test_gunicorn_reports_a_wrong_setting_in_one_line() -> None:
    command = [sys.executable, "-m", "gunicorn", "--check-config"]
    wrong = os.environ | {"IPAM_WORKERS": "0"}
    refused = subprocess.run(command, env=wrong, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (refused.returncode, refused.stderr) == (1, 'ipam: IPAM_WORKERS="0" is not a positive number\n')


def test_settings_cannot_be_changed_later() -> None:
    with pytest.raises(AttributeError):
        Settings().replay = True  # type: ignore[misc]
