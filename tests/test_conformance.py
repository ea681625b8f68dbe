"""The fixture runner: its exit codes, its differences, in process and over real HTTP."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

import conformance.__main__ as runner
from conformance.differences import differences
from hooks.app import create_app
from hooks.settings import Settings

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "tests" / "fixtures"

CASE: dict[str, Any] = {
    "description": "request whose spec can't be read asks for nothing",
    "path": "/ipamrequest/customize",
    "now": "2026-11-23T20:00:00Z",
    "request": {
        "parent": {
            "kind": "IPAMRequest",
            "metadata": {"name": "one", "uid": "uid-one", "creationTimestamp": "2026-11-23T20:00:00Z"},
            "spec": {"ipam": "net"},
        }
    },
    "expect": {"status": 200, "body": {"relatedResources": []}},
}
WRONG = CASE | {
    "description": "expects what no hook answers",
    "expect": {"status": 200, "body": {"relatedResources": [1]}},
}
REFUSED = {
    "description": "body that is not JSON is refused",
    "path": "/ipamrange/sync",
    "now": "2026-11-23T20:00:00Z",
    "requestText": "{",
    "expect": {
        "status": 400,
        "body": {
            "error": {
                "path": "$",
                "message": "not JSON: Expecting property name enclosed in double quotes at line 1, column 2",
                "value": "{",
            }
        },
    },
}


def file_of(folder: Path, cases: Any, name: str = "own.json") -> str:
    file = folder / name
    file.write_text(json.dumps(cases))
    return str(file)


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def url() -> Iterator[str]:
    with serving(create_app(Settings(replay=True))) as address:
        yield address


# ---------------------------------------------------------------------------------------------------------- exit codes


def test_cases_that_hold_are_listed_and_give_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main([file_of(tmp_path, [CASE, REFUSED])]) == 0

    assert capsys.readouterr().out.splitlines() == [
        f"ok   {tmp_path.name}/own.json: request whose spec can't be read asks for nothing",
        f"ok   {tmp_path.name}/own.json: body that is not JSON is refused",
        "2 cases, 2 passed, 0 failed",
    ]


def test_a_difference_is_shown_with_its_place_and_gives_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main([file_of(tmp_path, [WRONG, CASE])]) == 1

    assert capsys.readouterr().out.splitlines() == [
        f"FAIL {tmp_path.name}/own.json: expects what no hook answers",
        "       $.body.relatedResources[0]",
        "         expected: 1",
        "         actual:   (nothing)",
        f"ok   {tmp_path.name}/own.json: request whose spec can't be read asks for nothing",
        "2 cases, 1 passed, 1 failed",
    ]


def test_another_status_is_a_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main([file_of(tmp_path, [REFUSED | {"expect": {"status": 200, "body": {}}}])]) == 1

    out = capsys.readouterr().out
    assert "       $.status\n         expected: 200\n         actual:   400\n" in out


def test_verbose_shows_the_whole_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["-v", file_of(tmp_path, [WRONG])]) == 1

    assert '           "relatedResources": []\n' in capsys.readouterr().out


def test_many_and_long_differences_are_cut_unless_verbose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = {"relatedResources": [], **{f"field{index:02}": "x" * 500 for index in range(25)}}
    file = file_of(tmp_path, [CASE | {"expect": {"status": 200, "body": body}}])

    assert runner.main([file]) == 1
    short = capsys.readouterr().out
    assert runner.main([file, "--verbose"]) == 1
    full = capsys.readouterr().out

    assert "and 5 more differences: -v shows them" in short
    assert "field24" not in short
    assert "x" * 200 not in short
    assert "field24" in full
    assert "x" * 500 in full


@pytest.mark.parametrize(
    ("cases", "place", "wanted"),
    [
        ({}, "$", "must be of type array"),
        ([], "$", "should be non-empty"),
        ([CASE | {"path": "/ipamrange"}], "$[0].path", "does not match"),
        ([CASE | {"now": "today"}], "$[0].now", "does not match"),
        (
            [CASE, CASE | {"expect": {"status": 201, "body": {}}}],
            "$[1].expect.status",
            "201 is not one of [200, 400, 429]",
        ),
        ([CASE | {"expected": {}}], "$[0]", "'expected' was unexpected"),
        ([CASE | {"requestText": ""}], "$[0]", "exactly one of request and requestText"),
        (
            [{key: value for key, value in CASE.items() if key != "request"}],
            "$[0]",
            "exactly one of request and requestText",
        ),
        ([REFUSED | {"expect": {"status": 400, "body": {}}}], "$[0].expect.body", "'error' is a required property"),
    ],
)
def test_a_file_that_is_not_a_fixture_gives_2_with_the_place_and_the_reason(
    cases: Any, place: str, wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = file_of(tmp_path, cases)

    assert runner.main([file]) == 2

    shown = capsys.readouterr()
    assert shown.err.startswith(f"error: {file}: {place}: ")
    assert wanted in shown.err
    assert "schema.json" in shown.err
    assert shown.out == ""


def test_a_file_that_does_not_exist_gives_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main([str(tmp_path / "none.json")]) == 2

    assert capsys.readouterr().err == f"error: {tmp_path}/none.json: can't be read: No such file or directory\n"


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "\udcff"])
def test_a_file_that_is_not_json_gives_2(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "broken.json"
    file.write_bytes(text.encode(errors="surrogateescape"))

    assert runner.main([str(file)]) == 2

    assert capsys.readouterr().err.startswith(f"error: {file}: not JSON: ")


def test_a_folder_without_fixtures_gives_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "schema.json").write_text("{}")

    assert runner.main([str(tmp_path)]) == 2

    assert "no fixtures there" in capsys.readouterr().err


def test_a_folder_is_replayed_with_its_subfolders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b").mkdir()
    file_of(tmp_path / "b", [CASE])
    file_of(tmp_path, [REFUSED], name="a.json")

    assert runner.main([str(tmp_path)]) == 0

    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        f"ok   {tmp_path.name}/a.json",
        "ok   b/own.json",
        "2 cases, 2 passed, 0 failed",
    ]


def test_the_command_runs_from_any_folder_and_explains_itself(tmp_path: Path) -> None:
    file_of(tmp_path, [WRONG])
    environment = {"PYTHONPATH": str(ROOT)}

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "conformance", *arguments]
        return subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert command("own.json").returncode == 1
    assert command().returncode == 2
    shown = command("--help")
    assert shown.returncode == 0
    assert "examples:" in shown.stdout
    assert "--url http://127.0.0.1:8080" in shown.stdout
    assert "exit code:" in shown.stdout


def test_expected_refusals_are_not_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    level = logging.getLogger("ipam").level

    assert runner.main([file_of(tmp_path, [REFUSED])]) == 0

    assert caplog.records == []
    assert logging.getLogger("ipam").level == level


# ----------------------------------------------------------------------------------------------------------- over HTTP


def test_every_fixture_holds_over_http(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main([str(FIXTURES), "--url", url]) == 0

    assert ", 0 failed" in capsys.readouterr().out


def test_a_difference_over_http_gives_1(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main([file_of(tmp_path, [WRONG, CASE]), "--url", url + "/"]) == 1

    assert "2 cases, 1 passed, 1 failed" in capsys.readouterr().out


def test_proxies_of_the_environment_are_not_used(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert runner.main([file_of(tmp_path, [CASE]), "--url", url]) == 0


def test_a_server_that_uses_its_own_clock_gives_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(create_app(Settings())) as address:
        assert runner.main([file_of(tmp_path, [CASE]), "--url", address]) == 2

    assert capsys.readouterr().err.startswith(f"error: {address} does not take the time from the header Ipam-Now")


def test_a_server_that_does_not_answer_gives_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(create_app(Settings())) as address:
        pass

    assert runner.main([file_of(tmp_path, [CASE]), "--url", address]) == 2

    assert capsys.readouterr().err.startswith(f"error: no answer from {address}")


def test_an_answer_that_is_not_json_is_a_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Flask("stranger")) as address:
        assert runner.main([file_of(tmp_path, [CASE]), "--url", address]) == 1

    out = capsys.readouterr().out
    assert "expected: 200\n         actual:   404" in out
    assert "<!doctype html>" in out


# --------------------------------------------------------------------------------------------------------- differences


@pytest.mark.parametrize(
    ("expected", "actual", "found"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": 10}, {"a": 10.0}, []),
        ({"a": [10, {"b": 1.0}]}, {"a": [10.0, {"b": 1}]}, []),
        ({"a": 1}, {"a": True}, [("$.a", "1", "true")]),
        ({"a": None}, {}, [("$.a", "null", None)]),
        ({}, {"a.b/c": 1}, [('$["a.b/c"]', None, "1")]),
        ({"a": {}}, {"a": []}, [("$.a", "{}", "[]")]),
        ({"a": "1"}, {"a": 1}, [("$.a", '"1"', "1")]),
        ([1, 2], [2, 1], [("$[0]", None, "2"), ("$[1]", "2", None)]),
        ([1, 2, 3], [2, 3], [("$[0]", "1", None)]),
        ([{"a": 1}, {"b": 2}], [{"a": 1}, {"b": 3}], [("$[1].b", "2", "3")]),
        ([{"a": 1}], [{"a": 2}, {"c": 3}], [("$[0].a", "1", "2"), ("$[1]", None, '{"c": 3}')]),
    ],
)
def test_values_differ_as_json_defines_it(expected: Any, actual: Any, found: list[tuple[str, Any, Any]]) -> None:
    assert [tuple(each) for each in differences(expected, actual)] == found
