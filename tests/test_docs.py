"""What the documents say is true (output, links, examples, targets) and written in plain English."""

import json
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from generators.api_reference import CRDS, api_reference
from hooks.app import NOW_HEADER, create_app
from hooks.ranges.placement import BYTES_FOR_NEW_ITEMS_MAX, ITEM_COUNT_FOR_NEW_ITEMS_MAX
from hooks.settings import Settings
from simulator.cli import main
from simulator.cluster import Cluster
from simulator.judge.addresses import Block, block_of
from simulator.metacontroller.webhook import Caller, wsgi_caller
from tests.pages import section
from tests.promises import EXAMPLES, promises

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted(path for path in ROOT.rglob("*.md") if ".venv" not in path.parts)
#: Examples that promise no state.
ELSEWHERE = {"quota.yaml"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def console_blocks() -> dict[str, str]:
    """The console sessions of the README: command and output."""
    blocks = re.findall(r"```console\n\$ (.*?)\n(.*?)```", README, flags=re.DOTALL)
    return dict(blocks)


@pytest.fixture(name="hooks")
def _hooks() -> Caller:
    return wsgi_caller(create_app(Settings()))


def test_make_demo_prints_what_the_readme_shows(hooks: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    def timeless(text: str) -> str:
        """Without ages, and without the part of a slice's name that follows from the second of the creation."""
        text = re.sub(r"(ipamallocationslice\S+)-[0-9a-f]{10}\b", r"\1-0", text)
        return re.sub(r"\b\d+s\b", "0s", text)

    recipe = re.search(r"^demo:.*\n\t.*python -m simulator (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert recipe

    assert main([word.replace("examples/", f"{ROOT}/examples/") for word in recipe.group(1).split()], hooks) == 0
    assert timeless(capsys.readouterr().out) == timeless(console_blocks()["make demo"])


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


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_to_files_and_headings_that_exist(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", document.read_text())

    for file, anchor in targets:
        target = document.parent / file if file else document
        assert target.exists(), file
        assert not anchor or anchor in anchors_of(target), f"{file}#{anchor}"


def anchors_of(document: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_api_reference_is_what_its_generator_writes() -> None:
    assert (ROOT / "docs/api.md").read_text() == api_reference(ROOT), "make generate"


def test_the_api_reference_has_every_field_of_every_kind() -> None:
    text = (ROOT / "docs/api.md").read_text()
    described = set(re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE))
    crds = {path for path in ROOT.rglob("ipam*.yaml") if "kind: CustomResourceDefinition" in path.read_text()}
    assert {ROOT / path for path in CRDS} == {path for path in crds if "charts" not in path.parts}
    for path in crds:
        schema = yaml.safe_load(path.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for part in {"spec", "status"} & schema["properties"].keys():
            assert schema["properties"][part]["properties"].keys() <= described


def test_the_api_reference_has_every_annotation_and_label_of_ours() -> None:
    sources = [
        ROOT / "hooks/api/names.py",
        *(ROOT / "metacontroller").glob("*.yaml"),
        *(ROOT / "deploy").rglob("*.yaml"),
    ]
    text = "\n".join(path.read_text() for path in sources).replace("{GROUP}", "ipam.mandelsoft.org")
    used = set(re.findall(r"ipam\.mandelsoft\.org/([a-z-]+)", text)) - {"aggregate-to-metacontroller", "v"}

    assert used <= set(re.findall(r"`([a-z-]+)`", section(ROOT / "docs/api.md", "Annotations and labels")))


def test_the_documents_agree_on_the_room_in_a_slice() -> None:
    named = {
        room
        for name in ("DESIGN.md", "docs/limits.md", "docs/operating.md")
        for room in re.findall(r"([\d,]+) answers (?:or|and)\s+([\d,]+) bytes", (ROOT / name).read_text())
    }
    assert named == {(f"{ITEM_COUNT_FOR_NEW_ITEMS_MAX:,}", f"{BYTES_FOR_NEW_ITEMS_MAX:,}")}


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
    """No two of them create the same object, and no two of their ranges overlap in a domain."""
    owners: dict[tuple[str, ...], Path] = {}
    ranges: dict[tuple[str, str], list[Block]] = {}
    for path in EXAMPLES:
        for obj in yaml.safe_load_all(path.read_text()):
            meta = obj["metadata"]
            key = (obj["kind"], meta.get("namespace", ""), meta["name"])
            assert owners.setdefault(key, path) == path, key
            if obj["kind"] == "IPAMRange":
                domain = obj["spec"].get("domain", "default")
                ranges[domain, meta["name"]] = [block_of(text) for text in obj["spec"]["ranges"]]

    for (one, mine), (other, theirs) in combinations(ranges.items(), 2):
        assert one[0] != other[0] or not any(a.overlaps(b) for a in mine for b in theirs), (one, other)


def test_the_folder_of_examples_can_be_applied_twice(hooks: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(EXAMPLES[0].parent)
    assert main(["apply", folder, "--apply", folder, "--get", "quota"], hooks) == 0
    printed = capsys.readouterr()
    words = [line.rpartition(" ")[2] for line in printed.out.splitlines() if ".ipam.mandelsoft.org/" in line]
    ours = [path for path in EXAMPLES if path.name not in ELSEWHERE]
    objects = sum(len(list(yaml.safe_load_all(path.read_text()))) for path in ours)
    assert words == ["created"] * objects + ["unchanged"] * objects
    assert printed.err == ""


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


# ------------------------------------------------------------------------------------------------------- plain English

#: Phrases that cost a reader a second look, and what to write instead. A space matches any white space.
PHRASES = {
    r"\bWho\b|\b(about|and|as|because|but|by|for|from|if|of|or|says|so|than|that|to|when|where|with) who\b|[:;(] who\b":
        "name the subject: requests that wait, a user who edits",
    r"\bthose who\b|\b[Ww]hom\b": "name them: waiting requests, users that run the cluster",
    r"\b([Ss]ome|[Nn]o|[Ee]very)body\b|\b[Nn]o one\b": "name the subject: a user, no request, all clients",
    r"\banew\b": "again",
    r"\b[Ll]et(s|ting)? (\w+ ){0,3}go\b": "release the block; remove the finalizer",
    r"\btold\b|\b(is|are|was|were|be) said\b": "is reported, gets the status, shows the message",
    r"\b(can|can't|cannot|could) tell\b": "distinguish",
    r"(?<!-)\bgoes\b(?!-| (back|beyond|down|from|into|on|over|past|round|through|to|up|wrong)\b)":
        "is deleted, is removed",
    r"\b(may|must|can|will|should) go\b(?! (back|beyond|down|into|on|through|to|up|wrong)\b)": "is deleted, is removed",
    r"\b(is|are|was|were|be|been) gone\b": "no longer exists, is deleted",
    r"\b([Tt]ak(e|es|en|ing)|took) (\w+ ){0,4}away\b": "remove",
    r"\b[Ll]ook(s|ed|ing)? after\b": "manage, serve, call",
    r"\b[Ll]ooks? again\b": "check again, retry, resync",
    r"\b[Hh]and(s|ed|ing)? (\w+ ){0,2}out\b": "allocate",
    r"\b[Gg](ive|ives|iven|iving|ave) (\w+ ){0,4}back\b": "release a block; return a value",
    r"\bfor ever\b|\bfor good\b(?! reason)": "forever, permanently",
    r"\bas ever\b": "as usual",
    r"\b[Rr]ead on\b": "see",
    r"\b[Ff]or so many\b": "for this many, for which",
    r"\bbecomes? of\b": "happens to",
    r"\b[Bb]e (it|they)\b": "whether it is",
    r"\bbut for\b": "except for",
    r", for (else|it|nothing|otherwise|there|they|what|whatever|whoever)\b": "because",
    r"\b(stand|stands|stood) in (\S+ )?(\S+ )?way\b": "blocks, conflicts with",
}  # fmt: skip

#: The folders in which these phrases are searched for. Write True for a folder that no longer uses them.
PLAIN = {
    "crds": True, "deploy": True, "examples": True, "metacontroller": True,
    "bench": True, "conformance": True, "controlplane": True, "generators": True, "hooks": True, "ipam": True,
    "kubectl_ipam": True,
    "simulator": True,
    "tests/bench": True, "tests/hooks": True, "tests/ipam": True,
    "tests/kubectl_ipam": True,
    "tests/fixtures": True, "tests/fixtures/recorded": False,
}  # fmt: skip
#: Tokens of Python that are text; from version 3.12 on an f-string has tokens of its own.
TEXTS = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
FILES = ("Dockerfile", "Makefile", "gunicorn.conf.py", "pyproject.toml", ".ci/run", "tests/*.py")
FIXTURES = ROOT / "tests" / "fixtures"


def plain_files() -> list[Path]:
    folders, others = ([ROOT / folder for folder in PLAIN if PLAIN[folder] is is_plain] for is_plain in (True, False))
    found = {path for folder in folders for suffix in ("json", "py", "yaml") for path in folder.rglob(f"*.{suffix}")}
    found |= {path for file in FILES for path in ROOT.glob(file)} - {Path(__file__)}
    return sorted({*DOCUMENTS, *(path for path in found if not any(path.is_relative_to(each) for each in others))})


def prose_of(path: Path) -> str:
    """What people read of a file, each word in its line.

    In Python that is comments, docstrings, other strings and the names of tests; in fixtures it is what describes a
    case, because the texts in its bodies are data.
    """
    if path.is_relative_to(FIXTURES) and path.suffix == ".json":
        described = r'\s*"(description|comment)": '
        return "\n".join(line if re.match(described, line) else "" for line in path.read_text().splitlines())
    if path.suffix != ".py":
        return re.sub(r"^\s*#+", lambda found: " " * len(found[0]), path.read_text(), flags=re.MULTILINE)
    lines = [["\0"] * len(line) for line in path.read_text().splitlines()]
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type in TEXTS or token.string.startswith("test_"):
                text = re.sub(r"""^[a-zA-Z]*["']+|["']+$|^#:?""", lambda found: " " * len(found[0]), token.string)
                text = text if token.type in TEXTS else text.replace("_", " ")
                for number, part in enumerate(text.split("\n"), token.start[0] - 1):
                    start = token.start[1] if number == token.start[0] - 1 else 0
                    lines[number][start : start + len(part)] = part
    return "\n".join(re.sub(r"^\0+|\0+$", " ", "".join(line)) for line in lines)


def banned_phrases(prose: str) -> Iterator[str]:
    for phrase, advice in PHRASES.items():
        for found in re.finditer(phrase.replace(" ", r"\s+"), prose):
            line = prose.count("\n", 0, found.start()) + 1
            yield f'{line}: "{" ".join(found[0].split())}": {advice}'


@pytest.mark.parametrize("path", plain_files(), ids=name_of)
def test_a_text_is_plain_english(path: Path) -> None:
    assert [f"{name_of(path)}:{each}" for each in banned_phrases(prose_of(path))] == []


def test_phrases_are_found_in_comments_strings_and_names_of_tests_but_not_in_other_code(tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text(
        'told = 1  # the entry may\n# go now\ntext = f"{name} hands it "\\\n    "out"\n'
        "def test_what_is_said(said): assert told\n"
    )

    found = [each.rpartition(": ")[0] for each in banned_phrases(prose_of(file))]

    assert found == ['5: "is said"', '1: "may go"', '3: "hands it out"']
