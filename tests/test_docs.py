"""What the documents say is true: output, links, examples, targets."""

import json
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from hooks.app import NOW_HEADER, create_app
from hooks.settings import Settings
from simulator.cli import main
from simulator.cluster import Cluster
from simulator.judge.addresses import Block, block_of
from simulator.metacontroller.webhook import Caller, wsgi_caller
from tests.promises import EXAMPLES, promises

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted(path for path in ROOT.rglob("*.md") if ".venv" not in path.parts)
#: What the cluster in a box has no kind for; tests/e2e has a test of its own for it.
ELSEWHERE = {"quota.yaml"}


def console_blocks() -> dict[str, str]:
    """The README's sessions: what is typed, and what it prints."""
    blocks = re.findall(r"```console\n\$ (.*?)\n(.*?)```", README, flags=re.DOTALL)
    return dict(blocks)


@pytest.fixture(name="hooks")
def _hooks() -> Caller:
    return wsgi_caller(create_app(Settings()))


def test_make_demo_prints_what_the_readme_shows(hooks: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    def without_ages(text: str) -> str:
        return re.sub(r"\b\d+s\b", "0s", text)

    recipe = re.search(r"^demo:.*\n\t.*python -m simulator (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert recipe

    assert main([word.replace("examples/", f"{ROOT}/examples/") for word in recipe.group(1).split()], hooks) == 0
    assert without_ages(capsys.readouterr().out) == console_blocks()["make demo"]


def test_the_readme_shows_the_example_that_make_demo_runs() -> None:
    shown = re.search(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    assert shown

    assert shown.group(1) == (ROOT / "examples/quickstart.yaml").read_text()


def test_curl_prints_what_the_readme_shows() -> None:
    shown = {typed: printed for typed, printed in console_blocks().items() if typed.startswith("curl")}
    assert len(shown) == 2
    client = create_app(Settings(replay=True)).test_client()

    for typed, printed in shown.items():
        data = re.search(r" -d (?:@(\S+)|'(.*?)')", typed)
        assert data
        body = (ROOT / data.group(1)).read_text() if data.group(1) else data.group(2)
        now = re.search(rf"-H '{NOW_HEADER}: (\S+)'", typed)
        response = client.post("/ipamrange/sync", data=body, headers={NOW_HEADER: now.group(1)} if now else {})

        assert response.get_data(as_text=True) == printed.rstrip("\n")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files_that_exist(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text())

    assert not [target for target in targets if not (document.parent / target).exists()]


def test_every_make_target_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {name for path in DOCUMENTS for name in re.findall(r"(?:`|\$ |^)make ([a-z0-9-]+)", path.read_text())}

    assert named <= targets


@pytest.mark.parametrize(
    "example", [each for each in EXAMPLES if each.name not in ELSEWHERE], ids=lambda path: path.name
)
def test_each_example_ends_as_its_comments_say(example: Path, hooks: Caller) -> None:
    cluster = Cluster.shipped(hooks)
    promised = promises(example)
    for promise in promised:
        cluster.apply(promise.obj)
    cluster.run_until_quiet()

    for promise in promised:
        obj = promise.obj
        found = cluster.get(obj["kind"].lower(), obj["metadata"]["name"], obj["metadata"]["namespace"])["status"]
        assert promise.is_kept(found), (promise, found)


def test_every_example_is_named_in_the_examples_readme() -> None:
    named = (ROOT / "examples/README.md").read_text()

    assert all(f"({path.name})" in named for path in EXAMPLES)


def test_the_examples_can_all_be_applied_to_one_cluster() -> None:
    """No two of them make the same object, and no two of their ranges are in each other's way."""
    owners: dict[tuple[str, ...], Path] = {}
    ranges: dict[tuple[str, str], list[Block]] = {}
    for path in EXAMPLES:
        for obj in yaml.safe_load_all(path.read_text()):
            meta = obj["metadata"]
            key = (obj["kind"], meta["namespace"], meta["name"])
            assert owners.setdefault(key, path) == path, key
            if obj["kind"] == "IPAMRange":
                domain = obj["spec"].get("domain", f"namespace {meta['namespace']}")
                ranges[domain, meta["name"]] = [block_of(text) for text in obj["spec"]["ranges"]]

    for (one, mine), (other, theirs) in combinations(ranges.items(), 2):
        assert one[0] != other[0] or not any(a.overlaps(b) for a in mine for b in theirs), (one, other)


def test_bodies_for_curl_are_json_that_the_hooks_take() -> None:
    client = create_app(Settings()).test_client()

    for path in (ROOT / "examples/bodies").glob("*.json"):
        endpoint = "/" + path.stem.replace("-", "/")
        assert client.post(endpoint, data=json.dumps(json.loads(path.read_text()))).status_code == 200


def test_the_simulator_explains_itself() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "simulator", "apply", "--help"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout

    assert "examples:" in shown
    assert "--watch" in shown
    assert all((ROOT / named).exists() for named in re.findall(r"examples/\S+", shown))
