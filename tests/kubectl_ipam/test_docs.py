"""What the documents show is what the plugin prints."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from kubectl_ipam.cli import COMMANDS, parser_of, run, usage
from kubectl_ipam.resources import DUMP
from tests.kubectl_ipam.pictures import FOLDER, pictures

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "kubectl-ipam.md")
SESSIONS = [
    (typed, printed)
    for document in DOCUMENTS
    for typed, printed in re.findall(r"```console\n\$ kubectl ipam (.*?)\n(.*?)```", document.read_text(), re.DOTALL)
]


@pytest.mark.parametrize(("typed", "printed"), SESSIONS, ids=[typed for typed, _ in SESSIONS])
def test_a_session_of_a_document_prints_what_it_shows(
    typed: str, printed: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)

    run(typed.split())

    assert re.sub(r"\d{4}-\d\d-\d\dT[0-9:]+Z", "TIME", capsys.readouterr().out) == printed


def test_the_pictures_are_those_that_make_pictures_draws() -> None:
    drawn = pictures()

    assert {path.name: path.read_text() for path in FOLDER.glob("*.svg")} == drawn


def test_each_command_is_documented() -> None:
    document = DOCUMENTS[1].read_text()

    assert [verb for verb in COMMANDS if f"`{verb}" not in document] == []


def test_the_version_is_printed_that_the_checkout_has(capsys: pytest.CaptureFixture[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    for flag in ("--version", "version"):
        assert run([flag]) == 0
        assert capsys.readouterr().out == f"kubectl ipam {project}\n"
    assert "kubectl ipam --version prints the version" in usage()
    assert "`--version`" in DOCUMENTS[1].read_text()


def test_the_help_names_the_commands_that_read_no_dump() -> None:
    helps = {verb: " ".join(parser_of(verb).format_help().split()) for verb in COMMANDS}
    reads_no_dump = {verb for verb, text in helps.items() if "read manifests or a dump" not in text}

    found = re.search(r"With\s-f, all but (.*) read a dump", usage())

    assert found
    assert set(re.findall(r"\w+", found[1])) - {"and"} == reads_no_dump


def test_a_complete_dump_is_written_by_the_same_command_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.json").write_text('{"kind": "List", "items": []}')
    helps = [parser_of(verb).format_help() for verb in COMMANDS]
    run(["show", "-f", str(tmp_path / "empty.json")])
    texts = [*helps, *(path.read_text() for path in DOCUMENTS), capsys.readouterr().err]

    commands = {each for text in texts for each in re.findall(r"kubectl get ipam\S* -A -o json", text)}

    with_services = DUMP.replace("namespaces", "namespaces,services")
    assert commands == {DUMP, with_services}
    assert f"`{DUMP}`" in DOCUMENTS[1].read_text()


def test_the_plugins_of_k9s_call_commands_that_exist() -> None:
    plugins = yaml.safe_load((ROOT / "deploy/k9s/plugins.yaml").read_text())["plugins"]

    called = [re.search(r"kubectl ipam (\w+)", plugin["args"][1]) for plugin in plugins.values()]
    assert {found[1] for found in called if found} == {"show", "explain"}
