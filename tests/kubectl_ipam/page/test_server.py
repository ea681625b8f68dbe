"""The server of the page: it answers the page that it served, in full, and nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kubectl_ipam.call import Call
from kubectl_ipam.cli import parser_of
from kubectl_ipam.commands.serve import server_of
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.page.reading import Reading
from kubectl_ipam.page.server import Server
from kubectl_ipam.snapshot import Snapshot
from kubectl_ipam.sources.files import FileSource
from tests.kubectl_ipam.large import large_dump
from tests.kubectl_ipam.page.pages import asked, mixed_cluster, served


def snapshot_of(objects: list[dict[str, Any]], folder: Path) -> Snapshot:
    path = folder / "dump.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return FileSource([str(path)]).read()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served([snapshot_of(mixed_cluster(), tmp_path_factory.mktemp("mixed"))]) as server:
        yield server


def json_of(server: Server, path: str) -> Any:
    answer = asked(server, path)
    assert answer.status == 200
    return json.loads(answer.body)


# --- who is answered


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:PORT"}, 200),
        ({"Host": "attacker.example:PORT"}, 421),
        ({"Host": "127.0.0.1"}, 421),
        ({"Host": "127.0.0.1.attacker.example:PORT"}, 421),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "script"}, 403),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"}, 403),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}, 200),
    ],
    ids=str,
)
def test_a_call_is_answered_if_it_is_one_of_the_page_itself(
    mixed: Server, headers: dict[str, str], status: int
) -> None:
    port = str(urlsplit(mixed.url).port)
    sent = {name: value.replace("PORT", port) for name, value in headers.items()}

    assert asked(mixed, "api/ranges", **sent).status == status


@pytest.mark.parametrize("path", ["/", "/api/ranges", "/wrong/api/ranges", "/%2e%2e/api/ranges", "//api/ranges"])
def test_without_the_token_nothing_is_answered(mixed: Server, path: str) -> None:
    answer = asked(mixed, path)

    assert answer.status == 404
    assert b"default" not in answer.body


def test_each_server_has_a_token_of_its_own_that_cannot_be_guessed(mixed: Server, tmp_path: Path) -> None:
    with served([snapshot_of(mixed_cluster(), tmp_path)]) as other:
        tokens = [urlsplit(each.url).path.strip("/") for each in (mixed, other)]

    assert len(set(tokens)) == 2
    assert all(len(token) >= 32 for token in tokens)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(mixed: Server, method: str) -> None:
    assert asked(mixed, "api/ranges", method).status == 405


@pytest.mark.parametrize("path", ["", "page.js", "page.css", "api/ranges", "map.svg?name=default/net"])
def test_each_answer_forbids_what_the_page_does_not_need(mixed: Server, path: str) -> None:
    answer = asked(mixed, path)

    assert answer.status == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_page_loads_nothing_from_elsewhere(mixed: Server) -> None:
    texts = [asked(mixed, path).body.decode() for path in ("", "page.js", "page.css")]

    assert not any("http:" in text or "https:" in text or "//cdn" in text for text in texts)


def test_it_listens_on_the_loopback_interface_only(mixed: Server) -> None:
    assert mixed.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("path", ["page.py", "static/page.js", "../server.py", "api", "api/", "api/nothing"])
def test_other_paths_lead_to_nothing(mixed: Server, path: str) -> None:
    assert asked(mixed, path).status == 404


# --- what is answered


def test_the_ranges_are_shown_with_numbers_and_the_requests_that_wait(mixed: Server) -> None:
    document = json_of(mixed, "api/ranges")
    ranges = {each["name"]: each for each in document["ranges"]}

    assert {name: each["used"] for name, each in ranges.items()} == {"net": "100%", "hosts": "<1%", "cool": "25%"}
    assert (ranges["net"]["waiting"], ranges["cool"]["coolingDown"]) == (3, 1)
    assert [each["request"] for each in document["waiting"]] == ["default/r3", "default/r4", "default/r5"]
    assert document["waiting"][0]["why"].startswith("no free /28 in default/net")


def test_the_rows_of_a_range_begin_with_those_that_wait(mixed: Server) -> None:
    rows = json_of(mixed, "api/rows?name=default/net")["rows"]

    assert [(each["addresses"], each["request"], each["state"]) for each in rows] == [
        ("/28", "default/r3", "Busy"),
        ("/28", "default/r4", "Busy"),
        ("/28", "default/r5", "Busy"),
        ("10.0.0.0/28", "", "retired"),
        ("10.0.0.16/28", "default/r0", "held"),
        ("10.0.0.32/28", "default/r1", "held"),
        ("10.0.0.48/28", "default/r2", "held"),
    ]


@pytest.mark.parametrize(
    ("parameters", "total", "first"),
    [
        ("kind=held", 3, "default/r0"),
        ("kind=waiting&offset=1", 3, "default/r4"),
        ("q=R1", 1, "default/r1"),
        ("q=10.0.0.48", 1, "default/r2"),
        ("limit=1&offset=4", 7, "default/r0"),
        ("limit=x&offset=-1", 7, "default/r3"),
    ],
)
def test_rows_can_be_selected(mixed: Server, parameters: str, total: int, first: str) -> None:
    document = json_of(mixed, f"api/rows?name=default/net&{parameters}")

    assert (document["total"], document["rows"][0]["request"]) == (total, first)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.0.0.17", {"count": 1, "text": "10.0.0.17/32"}),
        ("10.9.9.9", {"count": 0, "outside": ["10.9.9.9"]}),
        ("r5", {"count": 1}),
        ("nothing-of-the-kind", {"count": 0, "requests": []}),
        ("10.0.0.300", {"fault": '"10.0.0.300" is not an IP address, such as 10.0.0.5 or 2001:db8::5'}),
    ],
)
def test_a_search_finds_addresses_blocks_and_texts(mixed: Server, text: str, found: dict[str, Any]) -> None:
    document = json_of(mixed, f"api/search?q={text}")

    assert {name: document.get(name) for name in found} == found


def test_the_map_of_a_range_is_the_picture(mixed: Server) -> None:
    answer = asked(mixed, "map.svg?name=default/net")

    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert b"Map of default/net" in answer.body


@pytest.mark.parametrize("path", ["api/range?name=default/other", "api/rows", "map.svg?name=x"])
def test_what_does_not_exist_is_not_found(mixed: Server, path: str) -> None:
    answer = asked(mixed, path)

    assert answer.status == 404
    assert "there is no range" in json.loads(answer.body)["error"]


def test_an_answer_that_the_page_has_already_is_not_sent_again(mixed: Server) -> None:
    tag = asked(mixed, "api/ranges").headers["ETag"]
    again = asked(mixed, "api/ranges", If_None_Match=tag)

    assert (again.status, again.body) == (304, b"")


def test_the_page_follows_the_cluster(tmp_path: Path) -> None:
    objects = mixed_cluster()
    less = [each for each in objects if each["metadata"]["name"] != "r5"]
    snapshots = [snapshot_of(objects, tmp_path), snapshot_of(objects, tmp_path), snapshot_of(less, tmp_path)]
    with served(snapshots) as server:
        counts = [json_of(server, "api/ranges")["waitingCount"] for _ in range(3)]

    assert counts == [3, 2, 2]


def test_ten_thousand_rows_come_in_pages(tmp_path: Path) -> None:
    with served([FileSource([large_dump(tmp_path, 10_000, 40)]).read()]) as server:
        document = json_of(server, "api/rows?name=default/net&offset=10030&limit=100000")

    assert document["total"] == 10_040
    assert [each["request"] for each in document["rows"]] == [f"default/web-0{number}" for number in range(9990, 10000)]


# --- reading


class Time:
    """A clock that tests move."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_cluster_is_read_at_most_once_in_so_many_seconds(tmp_path: Path) -> None:
    time, snapshot, count = Time(), snapshot_of(mixed_cluster(), tmp_path), 0

    def read() -> Snapshot:
        nonlocal count
        count += 1
        return snapshot

    reading = Reading(snapshot, read, 5.0, time)
    for time.now in (0.0, 4.9, 5.0, 9.9, 10.0):
        reading.shown()

    assert count == 2


def test_a_cluster_that_cannot_be_read_again_is_shown_as_it_was_with_the_reason(tmp_path: Path) -> None:
    snapshot = snapshot_of(mixed_cluster(), tmp_path)
    answers: list[Snapshot | Unanswerable] = [Unanswerable("can't be reached"), snapshot]

    def read() -> Snapshot:
        answer = answers.pop(0)
        if isinstance(answer, Unanswerable):
            raise answer
        return answer

    reading = Reading(snapshot, read, 0.0)

    assert [(shown.snapshot is snapshot, shown.fault) for shown in (reading.shown(), reading.shown())] == [
        (True, "can't be reached"),
        (True, ""),
    ]


# --- the command


def test_a_port_that_is_in_use_is_reported(mixed: Server) -> None:
    port = str(urlsplit(mixed.url).port)
    options = parser_of("serve").parse_args(["-f", "examples/quickstart.yaml", "--port", port])

    with pytest.raises(Unanswerable, match=f"127.0.0.1:{port} can't be used: Address already in use"):
        server_of(Call(options))


@pytest.mark.parametrize(
    "arguments", [["--port", "99999"], ["--port", "http"], ["--every", "0"], ["--every", "-1"], ["--every", "often"]]
)
def test_a_wrong_flag_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser_of("serve").parse_args(arguments)
    assert ended.value.code == 2
    assert f'"{arguments[1]}" is not a' in capsys.readouterr().err
