"""The log of events: whole lines, in the order of the calls, and hooks that work without it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hooks.app import create_app
from hooks.history_log import HistoryLog
from hooks.ranges.events import Event
from hooks.settings import Settings
from tests.hooks.build import CIDR, NOW, WEB, Obj, entry, range_body, range_object, with_ledger

BODY = range_body(with_ledger(range_object(), entry("web", CIDR)), WEB)


def post(log: Path | str) -> int:
    """The status code of a call that grants a block, if events go to this log."""
    client = create_app(Settings(history_log=str(log))).test_client()
    return client.post("/ipamrange/sync", data=json.dumps(BODY)).status_code


def lines_of(log: Path) -> list[Obj]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_call_appends_its_events_to_the_file(tmp_path: Path) -> None:
    log = tmp_path / "history.log"
    log.write_text('{"log": "of an earlier run"}\n')

    assert [post(log), post(log)] == [200, 200]
    assert [line.get("request") for line in lines_of(log)] == [None, "team-a/web", "team-a/web"]


def test_without_the_setting_nothing_is_logged(capfd: pytest.CaptureFixture[str]) -> None:
    assert post("") == 200
    assert capfd.readouterr().out == ""


def test_the_log_goes_to_stdout_if_that_is_set(capfd: pytest.CaptureFixture[str]) -> None:
    assert post("-") == 200
    assert json.loads(capfd.readouterr().out)["message"] == "granted"


def test_a_file_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="IPAM_HISTORY_LOG") as refused:
        create_app(Settings(history_log=str(tmp_path / "missing" / "history.log")))
    assert str(refused.value).endswith("history.log\" can't be written: No such file or directory")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_costs_the_lines_and_not_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    assert post("/dev/full") == 200
    assert "range team-a/net: events of its history are not logged: [Errno 28]" in caplog.text


def test_lines_of_several_processes_do_not_mix_in_a_pipe() -> None:
    """Each writes more than a pipe takes as a whole, so the pieces of both alternate."""
    program = (
        "import sys; from datetime import datetime\n"
        "from hooks.history_log import HistoryLog; from hooks.ranges.events import Event\n"
        "same = datetime.min, 'info', 'ipam.history', 'granted', 'a/net', 'uid', 1, ''\n"
        "lines = [Event(*same, f'a/{number}') for number in range(2000)]\n"
        "HistoryLog('-').write(lines)\n"
    )
    reader, writer = os.pipe()
    writers = [subprocess.Popen([sys.executable, "-c", program], stdout=writer) for _ in range(2)]
    os.close(writer)
    with os.fdopen(reader) as pipe:
        requests = [json.loads(line)["request"] for line in pipe]
    assert [each.wait() for each in writers] == [0, 0]
    assert sorted(requests) == sorted([f"a/{number}" for number in range(2000)] * 2)


def test_one_event_is_one_line(tmp_path: Path) -> None:
    HistoryLog(str(tmp_path / "log")).write(
        [Event(NOW, "info", "ipam.history", "retired", "a/net", "uid", 3, generation=2)] * 2
    )

    assert [line["generation"] for line in lines_of(tmp_path / "log")] == [2, 2]
