"""The command line and the reading of manifests, with toy kinds in a temporary folder."""

from __future__ import annotations

import io
import json
import re
import socket
import threading
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import yaml

from simulator.cli import main
from simulator.kubernetes.manifests import BadManifest, read_manifests
from simulator.metacontroller.webhook import http_caller, wsgi_caller
from tests.simulator.toys import BOX_SPEC, BOX_STATUS, CRDS, Hooks, box, controllers, crd, ok, wish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

Run = tuple[int, str, str]


class Shell:
    """Runs the command line in a folder with manifests."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.hooks = Hooks()
        self._capsys = capsys

    def file(self, name: str, *objects: Any) -> str:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump_all(objects), encoding="utf-8")
        return str(path)

    def run(self, *arguments: str, **options: Any) -> Run:
        caller = options.get("caller", self.hooks)
        code = main(["apply", *arguments, "--root", str(self.root), "--wait", "0.1"], caller)
        out, err = self._capsys.readouterr()
        return code, out, err


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


@pytest.fixture(name="shell")
def a_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    shell = Shell(tmp_path, capsys)
    shell.file("crds/all.yaml", *CRDS)
    shell.file("metacontroller/all.yaml", *controllers())
    return shell


def test_hooks_that_do_not_start_are_an_error_and_no_traceback(shell: Shell) -> None:
    """The folder has no gunicorn.conf.py, which names the application."""
    code, out, err = shell.run(shell.file("a.yaml", box()), caller=None)
    assert (code, out) == (1, "")
    assert err.startswith("error: the hooks did not start: ")


@pytest.mark.parametrize("text", [None, "nonsense"])
def test_a_finding_that_cannot_be_read_is_an_error_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    file = tmp_path / "finding.json"
    if text:
        file.write_text(text)
    assert main(["replay", str(file)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {file} can't be read: ")


def test_steps_are_done_in_order_and_tables_follow_each(shell: Shell) -> None:
    first = shell.file("a.yaml", box(), wish("x"), wish("y"))
    assert shell.run(first, "--delete", shell.file("b.yaml", wish("x")), "--get", "box") == (
        0,
        (
            "box.toys.example/a created\nwish.toys.example/x created\nwish.toys.example/y created\n\n"
            "NAME   SIZE   COUNT   AGE\na      1      2       0s\n\n"
            'wish.toys.example "x" deleted\n\nNAME   SIZE   COUNT   AGE\na      1      1       0s\n'
        ),
        "",
    )


def test_several_kinds_show_their_names_and_several_namespaces_a_column(shell: Shell) -> None:
    elsewhere = wish("x") | {"metadata": {"name": "x", "namespace": "team"}}
    _, out, _ = shell.run(shell.file("a.yaml", namespace("team"), box(), elsewhere))
    assert "NAMESPACE   NAME                 SIZE   COUNT   AGE\ndefault     box.toys.example/a" in out
    assert (
        "\n\nNAMESPACE   NAME                 AGE\nteam        wish.toys.example/x   0s\n".replace(
            "NAME                 AGE", "NAME                  AGE"
        )
        in out
    )


def test_a_second_apply_prints_unchanged_or_configured(shell: Shell) -> None:
    first, blue = shell.file("a.yaml", box()), shell.file("b.yaml", box(color="blue"))
    _, out, _ = shell.run(first, "--apply", first, "--apply", blue)
    assert [line for line in out.splitlines() if line.endswith(("ed", "unchanged"))] == [
        "box.toys.example/a created",
        "box.toys.example/a unchanged",
        "box.toys.example/a configured",
    ]


def test_folders_and_standard_input_are_read(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.file("many/1.yaml", box())
    shell.file("many/2.yaml", {"apiVersion": "v1", "kind": "List", "items": [wish("x")]})
    monkeypatch.setattr("sys.stdin", io.StringIO(yaml.safe_dump(wish("y"))))
    code, out, _ = shell.run(str(shell.root / "many"), "-")
    assert (code, [line for line in out.splitlines() if line.endswith("created")]) == (
        0,
        ["box.toys.example/a created", "wish.toys.example/x created", "wish.toys.example/y created"],
    )


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (box(size=9), 'The Box "a" is invalid: spec.size: Invalid value: 9: spec.size in body should be less than'),
        (box(size=9, color="pink"), 'The Box "a" is invalid: \n* spec.color: Unsupported value: "pink"'),
        (
            box(nets=["10.0.0.5/24"]),
            'The Box "a" is invalid: spec.nets[0]: Invalid value: "10.0.0.5/24": has host bits',
        ),
        (box(sise=1), 'strict decoding error: unknown field "spec.sise"'),
        (box() | {"kind": "Sack"}, 'no matches for kind "Sack" in version "toys.example/v1"'),
        ({"apiVersion": "v1"}, "kind not set"),
        ("text", "an object was expected, not 'text'"),
    ],
)
def test_bad_manifests_are_named_and_the_others_are_applied(shell: Shell, obj: Any, message: str) -> None:
    code, out, err = shell.run(shell.file("bad.yaml", obj), shell.file("good.yaml", box("good")))
    assert (code, message in err, "box.toys.example/good created" in out) == (1, True, True)


def test_a_missing_file_and_a_missing_object_are_named(shell: Shell) -> None:
    code, out, err = shell.run("nowhere.yaml", "--delete", shell.file("a.yaml", box()))
    assert (code, out) == (1, "\nNo resources found\n\n\nNo resources found\n")
    assert 'error: the path "nowhere.yaml" does not exist\n' in err
    assert 'Error from server (NotFound): error when deleting "' in err


def test_a_namespace_must_exist(shell: Shell) -> None:
    elsewhere = shell.file("a.yaml", wish("x") | {"metadata": {"name": "x", "namespace": "nowhere"}})
    code, out, err = shell.run(elsewhere, "--apply", shell.file("b.yaml", namespace("nowhere")), elsewhere)
    assert (code, "wish.toys.example/x created" in out) == (1, True)
    assert err == (f'Error from server (NotFound): error when creating "{elsewhere}": namespaces "nowhere" not found\n')


def test_a_file_without_objects_is_an_error(shell: Shell) -> None:
    code, _, err = shell.run(shell.file("a.yaml"))
    assert (code, err) == (1, "error: no objects passed to apply\n")


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("status.count=0", ["a"]),
        ("status.count!=0", ["b"]),
        ("spec.color==red", ["a", "b"]),
        ("spec.color=red,metadata.name!=a", ["b"]),
        ("status.revision=", []),
    ],
)
def test_objects_are_shown_by_their_selectable_fields(shell: Shell, selector: str, names: list[str]) -> None:
    fields = [{"jsonPath": f".{path}"} for path in ("status.count", "status.revision", "spec.color")]
    shell.file("crds/all.yaml", crd("Box", BOX_SPEC, BOX_STATUS, selectableFields=fields), *CRDS[1:])
    file = shell.file("a.yaml", box(), box("b"), wish("x", "b"))
    _, out, _ = shell.run(file, "--get", "box", "-o", "json", "--field-selector", selector)
    assert [obj["metadata"]["name"] for obj in json.loads(out.partition("\n\n")[2])["items"]] == names


def test_other_fields_select_nothing(shell: Shell) -> None:
    code, out, err = shell.run(shell.file("a.yaml", box()), "--get", "box", "--field-selector", "spec.size=1")
    assert (code, out) == (1, "")
    assert err == (
        'error: Unable to find "toys.example/v1, Resource=boxes" that match label selector "", field selector '
        '"spec.size=1": field label not supported: spec.size\n'
    )


@pytest.mark.parametrize("selector", ["spec.size", "=1", "a=b=c"])
def test_an_invalid_field_selector_is_an_error_of_usage(shell: Shell, selector: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        shell.run(shell.file("a.yaml", box()), "--field-selector", selector)


@pytest.mark.parametrize(
    ("text", "value"),
    [("28.0", 28), ("1.2e+06", 1_200_000), ("3e+07", 30_000_000), ("3E7", 30_000_000), ("-2.0", -2), ("28.5", 28.5)],
)
def test_case_integral_floats_are_read_as_integers(tmp_path: Path, text: str, value: float) -> None:
    """As kubectl sends them; Helm renders large numbers in this form."""
    file = tmp_path / "x.yaml"
    file.write_text(f'{{apiVersion: v1, kind: X, spec: {{number: {text}, text: "{text}"}}}}')
    (manifest,) = read_manifests(file)
    assert manifest.obj["spec"] == {"number": value, "text": text}
    assert isinstance(manifest.obj["spec"]["number"], type(value))


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [", "while parsing"), ("a: 1\na: 2", 'key "a" already set'), ("apiVersion: 1", "apiVersion not set")],
)
def test_an_invalid_manifest_is_an_error_that_names_the_file(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadManifest, match=r"x\.yaml") as caught:
        read_manifests(file)
    assert message in str(caught.value)


def test_scalars_are_read_as_kubernetes_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("apiVersion: v1\nkind: X\nv: [1:30, 2026-01-01, 10, 0x10, 1.5, 2001:db8::1, yes]", encoding="utf-8")
    (manifest,) = read_manifests(file)
    assert manifest.obj["v"] == ["1:30", "2026-01-01", 10, 16, 1.5, "2001:db8::1", True]


def test_output_can_be_yaml_or_json(shell: Shell) -> None:
    file = shell.file("a.yaml", box())
    for form in ("yaml", "json"):
        _, out, _ = shell.run(file, "-o", form, "--get", "box")
        listed = yaml.safe_load(out.partition("\n\n")[2])
        assert (listed["kind"], listed["items"][0]["status"]["count"]) == ("List", 0)


def test_a_watch_prints_each_change(shell: Shell) -> None:
    _, out, _ = shell.run(shell.file("a.yaml", box()), "--watch", "--get", "box")
    lines = [line.split() for line in out.splitlines()]
    assert lines[1:3] == [["EVENT", "NAMESPACE", "NAME", "SIZE", "COUNT", "AGE"],
                          ["ADDED", "default", "box.toys.example/a", "1", "0s"]]  # fmt: skip
    assert ["MODIFIED", "default", "box.toys.example/a", "1", "0", "0s"] in lines


def test_a_watch_prints_nothing_if_no_row_changes(shell: Shell) -> None:
    """Metacontroller adds a finalizer, which no column shows."""
    _, out, _ = shell.run(shell.file("a.yaml", box()), "--watch", "--get", "box")
    watched = [re.sub(r"\d+s$", "", line) for line in out.splitlines() if line.startswith(("ADDED", "MODIFIED"))]
    assert len(watched) == len(set(watched)) == 2


def test_a_hook_that_fails_is_a_warning(shell: Shell) -> None:
    shell.hooks.override = lambda _path, _body: (500, {}, b"boom")
    code, _, err = shell.run(shell.file("a.yaml", box()))
    assert code == 0
    assert err == "Warning: box.toys.example/default/a: Sync error: unsupported status code: 500 body: boom\n"


def test_an_unknown_kind_to_show_is_an_error(shell: Shell) -> None:
    code, out, err = shell.run(shell.file("a.yaml", box()), "--get", "boxen")

    assert (code, out) == (1, "")
    assert err.startswith('error: the server doesn\'t have a resource type "boxen": it has boxes, ')


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--hooks", "nonsense", '"nonsense" is no URL, such as http://127.0.0.1:8080'),
        ("--wait", "soon", '"soon" is no number of seconds, such as 30'),
        ("--wait", "-5", '"-5" is no number of seconds, such as 30'),
        ("--root", "/nowhere", '"/nowhere" has no folder crds: name a checkout of ipam'),
    ],
)
def test_a_wrong_flag_is_quoted_with_what_to_type_instead(
    flag: str, value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["apply", "a.yaml", flag, value])

    assert end.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{apiVersion: v1, kind: Box, metadata: x}", "metadata: an object such as {name: web} was expected, not 'x'"),
        ("{apiVersion: v1, kind: Box, metadata: {name: 5}}", "metadata.name: a text was expected, not 5"),
        ("{apiVersion: v1, kind: Box, metadata: {name: a, labels: 7}}", "metadata.labels: an object of texts was"),
    ],
)
def test_metadata_that_cannot_be_used_are_an_error(text: str, message: str, shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)

    code, _, err = shell.run(str(file))

    assert code == 1
    assert err.startswith(f'error: error validating "{file}": {message}')


def test_unreachable_hooks_are_an_error_of_one_line(shell: Shell) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    code, _, err = shell.run(shell.file("a.yaml", box()), caller=http_caller(url))
    assert (code, err) == (1, f"error: can't reach the hooks at {url}: Connection refused\n")


def test_an_application_in_this_process_can_read_the_time_from_a_header() -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [environ["HTTP_THE_TIME"].encode()]

    assert wsgi_caller(application, lambda: {"The-Time": "noon"})("/x", b"")[2] == b"noon"


def toy_application(hooks: Hooks) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        status, _, content = hooks(environ["PATH_INFO"], body)
        start_response(f"{status} X", [("Retry-After", "3")])
        return [content]

    return application


class _Silent(WSGIRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        del arguments


@pytest.fixture(name="url")
def a_url(shell: Shell) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, toy_application(shell.hooks), handler_class=_Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_hooks_are_reached_over_http_and_in_process(shell: Shell, url: str) -> None:
    file = shell.file("a.yaml", box(), wish("x"))
    runs = [shell.run(file, "--get", "box", caller=caller) for caller in (
        http_caller(url), wsgi_caller(toy_application(shell.hooks)), shell.hooks)]  # fmt: skip
    assert len({re.sub(r"\b\d+s\b", "0s", str(run)) for run in runs}) == 1  # ages are those of a real clock
    shell.hooks.override = lambda _path, _body: ok({})
    assert http_caller(url)("/x", b"{}")[1]["retry-after"] == "3"
