"""The history: lines of several replicas, in any order and among others, come to one life of each block."""

import json
import random
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from msgspec.json import encode

from hooks.app import create_app
from hooks.ranges.events import LOGGER, Event, EventName
from hooks.settings import Settings
from ipam.address import read_prefix
from kubectl_ipam.cli import run
from kubectl_ipam.history import of_block, read_log
from tests.hooks.build import DELETED_WEB, answer_item, entry, range_body, range_object, with_ledger
from tests.kubectl_ipam.clusters import printed

BLOCK = "10.0.0.0/28"
NOW = datetime(2026, 11, 23, 20, tzinfo=UTC)


def event(name: EventName, request: str = "web", revision: int = 1, cidr: str = BLOCK, **more: Any) -> Event:
    """An event of the range a/net, as many minutes after NOW as its revision says."""
    time = NOW + timedelta(minutes=revision)
    uid = f"uid-{request}" if request else ""
    return Event(
        time, "info", LOGGER, name, "a/net", "uid-net", revision, cidr, f"a/{request}" if request else "", uid, **more
    )


LIFE = [
    event("granted"),
    event("released", revision=2),
    event("granted", "db", revision=3),
    event("granted", "other", revision=3, cidr="10.0.0.16/28"),
    event("reclaimed", "db", revision=5),
    event("retired", "", revision=7, cidr="10.0.0.0/27", generation=2),
    event("retired", "", revision=9, cidr="", generation=3),
]
LINES = [encode(each).decode() for each in LIFE]


def lives(lines: list[str], block: str = "10.0.0.5/32") -> list[tuple[str, str, int]]:
    found = of_block(read_log(lines), read_prefix(block))
    return [(each.event, each.request, each.revision) for each in found]


WHOLE_LIFE = [
    ("granted", "a/web", 1),
    ("released", "a/web", 2),
    ("granted", "a/db", 3),
    ("reclaimed", "a/db", 5),
    ("retired", "", 7),
    ("retired", "", 9),
]


def test_the_events_of_an_address_are_those_of_all_blocks_that_had_it() -> None:
    assert lives(LINES) == WHOLE_LIFE


def test_events_that_several_replicas_logged_are_counted_once_in_whatever_order_their_lines_come() -> None:
    later = encode(event("granted", "db", revision=4)).decode()  # of a call whose slices were old
    lines = [*LINES, *LINES, later]
    for seed in range(20):
        random.Random(seed).shuffle(lines)
        assert lives(lines) == WHOLE_LIFE


def test_lines_are_found_among_others_and_behind_prefixes() -> None:
    noise = ["[2026-11-23 20:00:00 +0000] [7] [INFO] Booting worker", '{"log": "other"}', "", '10.0.0.5 "GET /healthz"']
    lines = [*noise, *(f"[pod/ipam-hooks-7/hooks] 2026-11-23T20:00:00Z {line}" for line in LINES)]

    assert lives(lines) == WHOLE_LIFE
    assert read_log(lines).unreadable_count == 0


def test_lines_that_cannot_be_read_are_counted() -> None:
    cut, newer = LINES[0][:100], LINES[0].replace("granted", "borrowed")

    assert read_log([cut, newer, LINES[1]]).unreadable_count == 2


def test_a_block_that_was_lost_and_granted_again_to_the_same_request_has_three_events() -> None:
    names: list[EventName] = ["granted", "lost", "granted"]
    lines = [encode(event(name, revision=number)).decode() for number, name in enumerate(names)]

    assert [name for name, *_ in lives(lines)] == ["granted", "lost", "granted"]


def test_edits_that_retire_other_addresses_are_no_events_of_this_one() -> None:
    other = encode(event("retired", "", cidr="10.9.0.0/24", generation=5)).decode()

    assert lives([other]) == []
    assert lives([encode(event("retired", "", cidr="", generation=6)).decode()]) == []


# --- the command


def log_file(folder: Path, *lines: str) -> str:
    path = folder / "hooks.log"
    path.write_text("\n".join(lines or LINES))
    return str(path)


def test_the_command_shows_the_former_holders_and_what_they_do_not_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["history", "10.0.0.5", "-f", log_file(tmp_path)]) == 0
    shown = capsys.readouterr()

    assert [line.split()[1:4] for line in shown.out.splitlines()] == [
        ["EVENT", "BLOCK", "REQUEST"],
        ["granted", BLOCK, "a/web"],
        ["released", BLOCK, "a/web"],
        ["granted", BLOCK, "a/db"],
        ["reclaimed", BLOCK, "a/db"],
        ["retired", "10.0.0.0/27", "a/net"],
        ["in", "use", "again"],
    ]
    assert "These logs begin at 2026-11-23T20:01:00Z" in shown.err
    assert "a lost log is lost history" in shown.err


def test_a_block_that_is_still_held_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", "10.0.0.16/28", "-f", log_file(tmp_path)]) == 0
    assert "by these logs, a/other still has 10.0.0.16/28" in capsys.readouterr().err


def test_the_history_of_a_request_is_found_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("history", "db", "-n", "a", "-f", log_file(tmp_path), "-o", "json")
    document = json.loads(printed(capsys, *arguments))

    assert [each["message"] for each in document["events"]] == ["granted", "reclaimed"]
    assert document["logBegins"] == "2026-11-23T20:01:00Z"


def test_standard_input_is_a_log(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("\n".join(LINES)))

    assert "a/web" in printed(capsys, "history", "10.0.0.1", "-f", "-")


@pytest.mark.parametrize(
    ("arguments", "code", "advice"),
    [
        (["10.0.9.9", "-f", "LOG"], 1, "no event of 10.0.9.9/32 was found"),
        (["10.0.0.300", "-f", "LOG"], 2, '"10.0.0.300" is neither an address nor a CIDR'),
        (["10.0.0.1", "-f", "missing.log"], 2, '"missing.log" can\'t be read: No such file or directory'),
        (["10.0.0.1", "-f", "/dev/null"], 1, "do the hooks log it (IPAM_HISTORY_LOG)?"),
    ],
)
def test_what_is_not_found_is_explained_with_what_to_do(
    arguments: list[str], code: int, advice: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = log_file(tmp_path)

    assert run(["history", *(file if each == "LOG" else each for each in arguments)]) == code
    assert advice in capsys.readouterr().err


def test_what_the_hooks_log_is_what_the_command_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    client = create_app(Settings(history_log=str(log), replay=True)).test_client()
    range_ = range_object()
    bodies = [
        range_body(with_ledger(range_, entry("web", BLOCK), revision=1), DELETED_WEB),
        range_body(
            with_ledger(range_, revision=2, released=["web"]),
            DELETED_WEB,
            answers=[answer_item("web", cidr=BLOCK, revision=1)],
        ),
    ]
    for number, body in enumerate([*bodies, bodies[0]]):
        moment = NOW + timedelta(seconds=number)
        headers = {"Ipam-Now": datetime.isoformat(moment)}
        assert client.post("/ipamrange/sync", data=json.dumps(body), headers=headers).status_code == 200
    events = json.loads(printed(capsys, "history", "10.0.0.0/28", "-f", str(log), "-o", "json"))["events"]

    assert [(each["message"], each["revision"], each["request"]) for each in events] == [
        ("granted", 1, "team-a/web"),
        ("released", 2, "team-a/web"),
    ]
