"""Wrong input of every command: the message quotes it and says what to type instead."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kubectl_ipam.cli import run
from tests.kubectl_ipam.clusters import Document, cluster_of, dump_of, dump_with, range_, request

ROOT = Path(__file__).parents[2]

CLAIM = {"apiVersion": "ipam.cluster.x-k8s.io/v1beta2", "kind": "IPAddressClaim", "metadata": {"name": "x"}}


@pytest.fixture(name="dump", scope="module")
def _dump(tmp_path_factory: pytest.TempPathFactory) -> str:
    return dump_of(cluster_of(range_("net", "10.0.0.0/24"), request("web")), tmp_path_factory.mktemp("bad"))


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int | str | None, str]:
    """The exit code and what is printed on standard error."""
    try:
        code: int | str | None = run(arguments)
    except SystemExit as end:
        code = end.code
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("show nope", 1, 'no range "default/nope" in DUMP: list them: kubectl ipam show -f DUMP'),
        ("show a/b/c", 1, 'no range "a/b/c" in DUMP'),
        (
            "map net --mark nope",
            1,
            "--mark default/nope holds no block of default/net: see kubectl",
        ),
        ("map net --cell x", 2, '"x" is not a prefix length, such as /24'),
        ("map net --svg /nope/x.svg", 2, '"/nope/x.svg" can\'t be written: No such file or directory'),
        ("get 10.0.0.300", 2, '"10.0.0.300" is not an IP address, such as 10.0.0.5 or 2001:db8::5'),
        ("get 10.0.0.1/33", 2, "IPv4 prefix lengths are 0..32, such as 10.0.0.1/24"),
        ("explain nope", 1, "no request default/nope in DUMP: search for it: kubectl ipam get nope"),
        ("explain pod/x", 1, "no request that belongs to pod x, in DUMP"),
        ("check -o /nope/report.json", 2, '"/nope/report.json" can\'t be written: No such file or directory'),
        ("check --settle -1", 2, '"-1" is no number of seconds, such as 10'),
        ("check --settle nan", 2, '"nan" is no number of seconds, such as 10'),
        ("tree --holders -1", 2, '"-1" is no number, such as 10'),
        ("export nope", 1, 'no range "default/nope"'),
        ("serve --port 99999", 2, '"99999" is not a port, such as 8765'),
    ],
)
def test_a_wrong_argument_is_quoted_with_what_to_type_instead(
    arguments: str, code: int, message: str, dump: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended, shown = complaint(capsys, *arguments.split(), "-f", dump)

    assert (ended, message.replace("DUMP", dump) in shown) == (code, True), shown


def test_a_watch_of_a_file_says_what_to_type_instead(dump: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = complaint(capsys, "watch", "-f", dump)

    assert code == 2
    assert shown == (
        f'error: -f "{dump}": a file does not change, so watch reads a cluster only: '
        f"kubectl ipam show -f {dump} prints what it has\n"
    )


@pytest.mark.parametrize("verb", ["show", "plan", "check", "tree", "watch", "export", "explain web", "get 10.0.0.1"])
def test_without_a_cluster_each_command_says_how_to_name_one(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "request.yaml"
    manifest.write_text(yaml.safe_dump(request("new")))
    more = ["-f", str(manifest)] if verb == "plan" else []

    code, shown = complaint(capsys, *verb.split(), *more, "--kubeconfig", str(tmp_path / "none"))

    assert code == 2
    assert f"there is no kubeconfig {tmp_path / 'none'}. Name another one by --kubeconfig or --context" in shown


BAD_MANIFESTS: dict[str, tuple[Document | str, str]] = {
    "YAML that ends too early": ("a: [1,\n", "found '<stream end>'"),
    "a text": ("hello", "an object was expected, not 'hello'"),
    "a list": ("- a\n- b\n", "an object was expected, not ['a', 'b']"),
    "no apiVersion": ("kind: IPAMRange\n", "apiVersion not set"),
    "metadata that are a text": (
        range_("x") | {"metadata": "x"},
        "metadata: an object such as {name: web} was expected, not 'x'",
    ),
    "a name that is a number": (
        range_("x") | {"metadata": {"name": 5}},
        "metadata.name: a text was expected, not 5: write it in quotes",
    ),
    "annotations that are a number": (
        CLAIM | {"metadata": {"name": "x", "annotations": 7}},
        "metadata.annotations: an object of texts was expected, not 7",
    ),
    "an address that is none": (range_("x", "10.0.0.300"), 'Invalid value: "10.0.0.300": must be an address'),
    "a spec that is a number": (CLAIM | {"spec": 5}, "spec in body must be of type object"),
    "a delegate that is a number": (request("x", delegate=5), "spec.delegate in body must be of type object"),
    "a list that is in itself": (
        "apiVersion: ipam.mandelsoft.org/v1alpha1\nkind: IPAMRange\nspec: &it\n  ranges: [*it]\n",
        "it is nested too deeply",
    ),
    "a name that is no name": (request("X_y"), 'metadata.name: Invalid value: "X_y"'),
}


@pytest.mark.parametrize("name", BAD_MANIFESTS)
@pytest.mark.parametrize(("command", "codes"), [("show", {2}), ("check", {2}), ("plan --empty", {2, 4})])
def test_a_manifest_that_an_api_server_would_reject_is_quoted(
    name: str, command: str, codes: set[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, message = BAD_MANIFESTS[name]
    file = tmp_path / "bad.yaml"
    file.write_text(manifest if isinstance(manifest, str) else yaml.safe_dump(manifest))

    code = run([*command.split(), "-f", str(file)])

    shown = capsys.readouterr()
    assert code in codes
    assert message in shown.out + shown.err


def test_bad_json_is_reported_with_the_name_of_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ('{"a":', '{"apiVersion": "v1", "kind": "Service", "metadata": "x"}'):
        file = tmp_path / "bad.json"
        file.write_text(text)

        code, shown = complaint(capsys, "show", "-f", str(file))

        assert code == 2
        assert str(file) in shown
        assert "STDIN" not in shown


@pytest.mark.parametrize("suffix", ["json", "yaml"])
@pytest.mark.parametrize("command", ["show -f", "check -f", "plan --empty -f", "plan -f NEW --state", "import"])
def test_a_file_that_is_nested_too_deeply_is_named(
    command: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, new = tmp_path / f"deep.{suffix}", tmp_path / "new.json"
    file.write_text(json.dumps(range_("net") | {"spec": "DEEP"}).replace('"DEEP"', "[" * 100_000 + "]" * 100_000))
    new.write_text(json.dumps(request("new")))

    code, shown = complaint(capsys, *command.replace("NEW", str(new)).split(), str(file))

    assert code == 2
    assert str(file) in shown
    assert "it is nested too deeply" in shown


def test_an_object_in_two_versions_is_an_error_because_one_would_be_hidden(
    dump: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects: list[Document] = json.loads(Path(dump).read_text())["items"]
    assert complaint(capsys, "show", "-f", dump, "-f", dump_with(objects, tmp_path)) == (0, "")
    next(each for each in objects if each["kind"] == "IPAMRange")["metadata"]["resourceVersion"] = "1"

    code, shown = complaint(capsys, "show", "-f", dump, "-f", later := dump_with(objects, tmp_path))

    assert code == 2
    assert f"{dump}, {later} has IPAMRange default/net twice, in different versions" in shown


@pytest.mark.parametrize("command", ["show -f", "plan --empty -f"])
def test_a_dump_that_powershell_wrote_is_named_with_what_to_type_instead(
    command: str, dump: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "dump.json"
    file.write_bytes(Path(dump).read_text().encode("utf-16"))

    code, shown = complaint(capsys, *command.split(), str(file))

    assert code == 2
    assert f"{file} is not UTF-8 (byte 0): write it again in UTF-8, in PowerShell by: ... | Out-File -Encoding" in shown


def test_objects_of_other_kinds_do_not_disturb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mixed.yaml"
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    file.write_text(yaml.safe_dump_all([deployment, range_("net", "10.0.0.0/24")]))

    assert run(["show", "-f", str(file)]) == 0
    assert "OK: 1 range" in capsys.readouterr().out


@pytest.mark.parametrize("items", [5, [5, None], "x"])
@pytest.mark.parametrize("suffix", ["json", "yaml"])
@pytest.mark.parametrize("command", ["show -f", "check -f", "import"])
def test_a_list_without_objects_is_quoted(
    items: object, command: str, suffix: str, *, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, document = tmp_path / f"dump.{suffix}", {"apiVersion": "v1", "kind": "List", "items": items}
    file.write_text(json.dumps(document) if suffix == "json" else yaml.safe_dump(document))

    code, shown = complaint(capsys, *command.split(), str(file))

    wrong = repr(items[0] if isinstance(items, list) else items)
    assert code == 2
    assert f'"{file}": items must be a list of objects, such as kubectl get -o json prints, not {wrong}' in shown


@pytest.mark.parametrize("suffix", ["json", "yaml"])
@pytest.mark.parametrize("kind", ["List", "IPAMRangeList"])
@pytest.mark.parametrize("rest", [{"continue": "abc"}, {"remainingItemCount": 2}])
@pytest.mark.parametrize("command", ["show -f", "check -f", "plan --empty -f", "import"])
def test_a_page_of_a_list_is_not_taken_for_the_whole_list(
    command: str, rest: Document, kind: str, suffix: str, *, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise what is on the other pages would be called missing."""
    file = tmp_path / f"dump.{suffix}"
    page = {"apiVersion": "v1", "kind": kind, "metadata": rest, "items": [range_("net", "10.0.0.0/24")]}
    file.write_text(json.dumps(page) if suffix == "json" else yaml.safe_dump(page))

    code, shown = complaint(capsys, *command.split(), str(file))

    ((name, value),) = rest.items()
    assert code == 2
    assert f'"{file}": metadata.{name} is {value!r}: this is a page of a list, which has more objects' in shown


@pytest.mark.parametrize("kind", ["IPAMRange", "IPAMRequest", "Namespace"])
@pytest.mark.parametrize("command", ["show -f", "check -f", "plan -f NEW --state"])
def test_an_object_of_a_dump_without_a_name_is_quoted(
    command: str, kind: str, dump: str, *, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects: list[Document] = json.loads(Path(dump).read_text())["items"]
    nameless = next(each for each in objects if each["kind"] == kind)
    del nameless["metadata"]["name"]
    new = tmp_path / "new.json"
    new.write_text(json.dumps(request("new")))

    code, shown = complaint(capsys, *command.replace("NEW", str(new)).split(), dump_with(objects, tmp_path))

    assert code == 2
    uid = nameless["metadata"]["uid"]
    assert f'the {kind} with uid "{uid}" in {tmp_path / "dump.json"} has no metadata.name' in shown


def test_an_audit_of_a_file_without_ranges_and_requests_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "accounts.json"
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x", "uid": "u"}}
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [account]}))

    code, shown = complaint(capsys, "check", "-f", str(file))

    assert code == 2
    assert f"no objects found of ipam in {file}" in shown


@pytest.mark.parametrize("arguments", [["get", ""], ["show", ""], ["show", "-n", ""]])
def test_an_empty_argument_is_a_variable_that_is_not_set(
    arguments: list[str], dump: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = complaint(capsys, *arguments, "-f", dump)

    assert code == 2
    assert 'an argument is ""' in shown


def test_an_import_of_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "empty.csv"
    file.write_text("name,cidr,addresses,namespace\n")

    code, shown = complaint(capsys, "import", str(file))

    assert code == 1
    assert "Nothing is printed: no range and no address was found." in shown


def test_a_range_that_cannot_be_read_is_named_by_each_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects = cluster_of(range_("net", "10.0.0.0/24"), range_("broken", "10.1.0.0/24")).objects()
    for each in objects:
        if each["metadata"]["name"] == "broken":
            each["metadata"]["creationTimestamp"] = "yesterday"

    for command in ("show", "get 10.1.0.1"):
        _, shown = complaint(capsys, *command.split(), "-f", dump_with(objects, tmp_path))
        assert "IPAMRange default/broken can't be read: kubectl ipam check says why" in shown


@pytest.mark.parametrize("kinds", [{"IPAMRange"}, {"IPAMRequest"}, {"IPAMRange", "IPAMRequest", "IPAMExtent"}])
def test_objects_of_a_dump_without_a_namespace_are_in_the_default_one(
    kinds: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects = cluster_of(range_("net", "10.0.0.0/24", chunkSize=28), request("web")).objects()
    dump_with(objects, tmp_path)
    commands = ("show", "check", "get 10.0.0.1 -o json", "explain web", "tree", "export -o json")
    expected = [(run([*command.split(), "-f", str(tmp_path)]), capsys.readouterr()) for command in commands]
    for each in objects:
        if each["kind"] in kinds:
            del each["metadata"]["namespace"]
    dump_with(objects, tmp_path)

    shown = [(run([*command.split(), "-f", str(tmp_path)]), capsys.readouterr()) for command in commands]

    assert [code for code, _ in shown] == [0] * len(commands)
    assert shown == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"", "it is no kubeconfig, such as kubectl config view prints"),
        (b"just text", "it is no kubeconfig, such as kubectl config view prints"),
        (b"a: [b", "line 1, column 6 is no YAML"),
        (b"\xff\xfe\x00bad", "it is no YAML"),
        (b"a: 1", "it has no clusters"),
        (b"[" * 2000, "it is nested too deeply"),
    ],
)
def test_a_kubeconfig_that_cannot_be_read_is_named(
    text: bytes, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config"
    path.write_bytes(text)
    limit = sys.getrecursionlimit()  # a cluster in a box, in this process, has raised that of a command

    sys.setrecursionlimit(1000)
    code, shown = complaint(capsys, "show", "--kubeconfig", str(path))
    sys.setrecursionlimit(limit)

    assert code == 2
    assert f"the kubeconfig {path} can't be read: {fault}. Name another one by --kubeconfig" in shown


@pytest.mark.parametrize("module", ["kubectl_ipam map net", "kubectl_ipam tree", "simulator apply"])
@pytest.mark.parametrize(("end", "codes", "error"), [("| head -c 1", {0}, ""), ("> /dev/full", {1, 2}, "No space")])
def test_an_output_that_cannot_be_written_is_no_traceback(
    module: str, end: str, codes: set[int], error: str, tmp_path: Path
) -> None:
    file = tmp_path / "many.yaml"
    ranges = [range_("net", "10.0.0.0/24"), *(range_(f"n{number}", f"10.1.{number}.0/24") for number in range(8))]
    file.write_text(yaml.safe_dump_all(ranges))
    read = f"-f {file}" if module.startswith("kubectl") else str(file)
    line = f"set -o pipefail; {sys.executable} -m {module} {read} {end}"

    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False)

    assert "Traceback" not in done.stderr
    assert error in done.stderr
    assert done.returncode in codes


@pytest.mark.parametrize("arguments", ["--version", "--help", "show --help"])
def test_a_reader_that_has_left_already_is_no_traceback(arguments: str) -> None:
    line = f"{sys.executable} -m kubectl_ipam {arguments} | true"

    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.stderr == ""
