"""Each fixture is a test, and all of them together have the properties that tests/fixtures/README.md guarantees."""

import ast
import json
import re
from collections.abc import Iterator
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from conformance.calls import Send, in_process
from conformance.cases import SCHEMA_FILE, Case, read_cases
from conformance.differences import differences

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "tests" / "fixtures"
WALKTHROUGH = FOLDER / "walkthrough"
RECORDED = FOLDER / "recorded"
FILES = sorted(file for file in FOLDER.rglob("*.json") if file != SCHEMA_FILE)
CASES = read_cases([FOLDER])

SLICE_KEY = "IPAMAllocationSlice.ipam.mandelsoft.org/v1alpha1"
EXTENT_KEY = "IPAMExtent.ipam.mandelsoft.org/v1alpha1"
ENDPOINTS = {
    *(
        f"/{kind}/{hook}"
        for kind in ("ipamrange", "ipamrequest", "claimedrequest")
        for hook in ("customize", "sync", "finalize")
    ),
    "/ipaddressclaim/customize",
    "/ipaddressclaim/sync",
    "/service/sync",
}

#: The state and the message with which each refusal of a request occurs in an answer.
REFUSALS = {
    "Exhausted": ("Busy", r"no free /28 in team-a/net: waiting for room"),
    "Taken": ("Busy", r"10\.0\.0\.0/28 is not free: 10\.0\.0\.5/32 was held by team-b/web when last checked"),
    "Reserved": ("Busy", r"10\.0\.0\.5/32 is reserved for Service team-a/web"),
    "LedgerFull": ("Busy", r"team-a/net holds as many requests as one object can record: .*"),
    "QuotaExceeded": (
        "Busy",
        r"16 more addresses would exceed the quota of namespace team-b \(32\): it held 32 when last checked",
    ),
    "NotDelegated": (
        "Busy",
        r"range team-a/d allocates nothing: waiting until request team-a/site names this range in its status",
    ),
    "OnHold": ("Busy", r"team-a/net is on hold: only requests with a recorded address are served"),
    "Closed": ("Busy", r"range team-a/net is closed: it allocates no new blocks"),
    "InvalidSize": ("Invalid", r"invalid size 33: IPv4 prefix lengths are 0\.\.32"),
    "OutsideRange": ("Invalid", r"10\.1\.0\.0/28 is not wholly inside team-a/net"),
    "Excluded": ("Invalid", r"10\.0\.0\.8/30 has addresses that are excluded from team-a/net: 10\.0\.0\.9"),
    "Gateway": ("Invalid", r"10\.0\.0\.1/32 is the gateway of team-a/net, which is never allocated"),
    "ReservedIPAddress": (
        "Invalid",
        r"10\.0\.0\.0/32 is the network address of 10\.0\.0\.0/24: team-a/net allocates it only inside .*",
    ),
    "TooLarge": ("Invalid", r"no block of /23 can ever fit: .*"),
    "InvalidSpec": ("Invalid", r"the spec can't be read: .*"),
    "InvalidRequest": ("Invalid", r'request "10\.0\.0\.5/28" has host bits set: .*'),
    "InvalidRange": ("Invalid", r"range team-a/net is invalid: .*"),
    "RangeDeleted": ("Invalid", r"range team-a/net is being deleted: create a request for another range"),
    "Unannounced": ("Busy", r"10\.0\.0\.0/28 has not been announced yet"),
}
#: LedgerFull takes 13,000 entries, and has a test below; Unannounced is never published.
NOT_IN_FILES = {"LedgerFull", "Unannounced"}
#: A condition of another controller, in fixtures of claims.
FOREIGN = "Other"
#: The condition of a range of which a slice is full takes 1,025 requests, and has a test below.
SLICE_FULL = ("AnswersDelayed", "SliceFull")


def written(file: Path) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads(file.read_text())
    return cases


ALL = [(file, case) for file in FILES for case in written(file)]
ANSWERED = [(file, case) for file, case in ALL if case["expect"]["status"] == 200]
ABOUT_RANGES = [
    pytest.param(case["request"], case["expect"]["body"], id=f"{file.parent.name}/{file.name}: {case['description']}")
    for file, case in ANSWERED
    if case["path"] in ("/ipamrange/sync", "/ipamrange/finalize")
]


def name_of(file: Path) -> str:
    return file.relative_to(FOLDER).as_posix()


def endpoint_of(case: dict[str, Any]) -> str:
    """The path of a case without its parameter."""
    return str(case["path"]).partition("?")[0]


@pytest.fixture(scope="module")
def send() -> Send:
    return in_process()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_hooks_answer_as_the_fixture_says(case: Case, send: Send) -> None:
    assert list(differences(case.expected, send(case))) == []


# ------------------------------------------------------------------------------------------------------------ the form


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_each_file_conforms_to_the_schema(file: Path) -> None:
    jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text())).validate(written(file))


def test_the_schema_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA_FILE.read_text()))


def test_each_case_has_a_unique_name() -> None:
    names = [case.name for case in CASES]

    assert len(names) == len(set(names)) == len(ALL)


@pytest.mark.parametrize("file", [each for each in FILES if each.parent not in (WALKTHROUGH, RECORDED)], ids=name_of)
def test_each_folder_holds_one_endpoint(file: Path) -> None:
    assert {endpoint_of(case) for case in written(file)} == {"/" + file.parent.name.replace("-", "/")}


# -------------------------------------------------------------------------------------------------------- the coverage


def test_each_endpoint_has_answers_refused_bodies_and_bodies_from_a_real_cluster() -> None:
    for path in ENDPOINTS:
        cases = [case for _, case in ALL if endpoint_of(case) == path]

        assert {case["expect"]["status"] for case in cases} - {429} == {200, 400}
        assert any("managedFields" in json.dumps(case.get("request", {}).get("controller")) for case in cases)
        assert any("requestText" in case for case in cases)


def part_of(kind: str, part: str) -> dict[str, Any]:
    """The schema of the spec or status of a kind."""
    crd = yaml.safe_load((ROOT / "crds" / f"{kind}s.yaml").read_text())
    schema: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][part]
    return schema


def states_of(schema: dict[str, Any]) -> set[str]:
    return set(schema["properties"]["state"]["enum"])


def answered_statuses(kind: str) -> list[dict[str, Any]]:
    bodies = [case["expect"]["body"] for _, case in ANSWERED if case["path"].startswith(f"/{kind}/")]
    return [body["status"] for body in bodies if body.get("status")]


def answered_items() -> list[dict[str, Any]]:
    """The items of all slices that can be read."""
    return [item for spec in answered_specs("IPAMAllocationSlice") for item in items_of(spec)]


def items_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    items = spec.get("answers", [])
    return [item for item in items if isinstance(item, dict) and isinstance(item.get("state"), str)]


def answered_specs(kind: str) -> list[dict[str, Any]]:
    children = [child for _, case in ANSWERED for child in case["expect"]["body"].get("children", [])]
    return [child["spec"] for child in children if child["kind"] == kind]


def test_each_state_of_each_kind_occurs() -> None:
    for kind in ("ipamrange", "ipamrequest"):
        assert {status["state"] for status in answered_statuses(kind)} == states_of(part_of(kind, "status"))
    answers = part_of("ipamallocationslice", "spec")["properties"]["answers"]
    assert {item["state"] for item in answered_items()} == states_of(answers["items"])


def calls_of(function: str) -> Iterator[ast.Call]:
    for file in [*(ROOT / "hooks").rglob("*.py"), *(ROOT / "ipam").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
                yield node


def words_in(node: ast.AST) -> set[str]:
    """The strings that an argument may be: a constant, or the two branches of a conditional expression."""
    branches = (node.body, node.orelse) if isinstance(node, ast.IfExp) else (node,)
    return {each.value for each in branches if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def test_each_condition_and_reason_of_the_code_occurs() -> None:
    in_code = {
        (kind, reason)
        for call in calls_of("Fact")
        for kind in words_in(call.args[0])
        for reason in words_in(call.args[2])
    }
    conditions = [
        condition
        for kind in ("ipamrange", "ipamrequest", "ipaddressclaim")
        for status in answered_statuses(kind)
        for condition in status["conditions"]
        if condition["type"] != FOREIGN
    ]

    assert in_code > {SLICE_FULL}
    assert in_code - {SLICE_FULL} <= {(condition["type"], condition["reason"]) for condition in conditions}
    assert {condition["type"] for condition in conditions} == {
        "Ready",
        "Stalled",
        "Reconciling",
        "OnHold",
        "Overlapping",
        "HoldersAbsent",
        "RangesIgnored",
        "Consistent",
        "ChunkSizeTooLarge",
        "Drained",
        "Delegated",
    }


def test_each_refusal_of_the_code_is_known_here() -> None:
    assert {word for call in calls_of("Refused") for word in words_in(call.args[1])} == REFUSALS.keys()


@pytest.mark.parametrize("reason", sorted(REFUSALS.keys() - NOT_IN_FILES))
def test_each_refusal_occurs_in_the_answer_of_a_range(reason: str) -> None:
    state, message = REFUSALS[reason]

    assert any(
        (item["state"], item.get("reason")) == (state, reason) and re.fullmatch(message, item["message"])
        for item in answered_items()
    )


def test_a_request_beyond_what_one_object_can_record_is_busy(send: Send) -> None:
    """In code, because a file with 13,000 entries would not be readable."""
    case = next(case for case in CASES if case.name == "ipamrange-sync/ledger.json: grant is proposed, not published")
    body = json.loads(case.request)
    body["parent"]["spec"] = {"ranges": ["10.0.0.0/16"]}
    for group in (body["children"], body["related"]):
        for extent in group[EXTENT_KEY].values():
            extent["spec"]["ranges"] = ["10.0.0.0/16"]
    body["parent"]["status"]["allocations"] = [
        {"cidr": f"10.0.{index // 256}.{index % 256}/32", "request": f"team-b/r{index}", "uid": f"u{index}"}
        for index in range(13_000)
    ]

    answer = send(Case(case.name, case.path, case.now, json.dumps(body).encode(), {}))

    specs = [child["spec"] for child in answer["body"]["children"] if child["kind"] == "IPAMAllocationSlice"]
    (refused,) = [item for spec in specs for item in spec["answers"]]
    state, message = REFUSALS["LedgerFull"]
    assert refused["request"] == "team-a/one"
    assert refused["state"] == state
    assert re.fullmatch(message, refused["message"])
    assert len(answer["body"]["status"]["allocations"]) == 13_000


def test_a_range_reports_that_a_slice_is_full(send: Send) -> None:
    """In code as well, because it takes more than 1,024 requests of the same second and slot."""
    name = "ipamrange-sync/slices.json: requests of one second share a slice for each of two slots"
    case = next(case for case in CASES if case.name == name)
    body = json.loads(case.request)
    requests = body["related"]["IPAMRequest.ipam.mandelsoft.org/v1alpha1"]
    one = requests["team-a/one"] | {"spec": {"ipam": {"name": "net"}, "size": 99}}
    for index in range(5_000):
        text = f"r{index}"
        requests[f"team-a/{text}"] = one | {"metadata": one["metadata"] | {"name": text, "uid": text}}

    answer = send(Case(case.name, case.path, case.now, json.dumps(body).encode(), {}))

    conditions = [(each["type"], each["reason"], each["status"]) for each in answer["body"]["status"]["conditions"]]
    assert (*SLICE_FULL, "True") in conditions


# ------------------------------------------------------------------------------------------------------ the guarantees


#: The parts of a status that the API server compares, and the value of an absent part.
LEDGER: dict[str, Any] = {"allocations": [], "roundRobin": {}, "released": [], "onHold": False, "closing": False}


def ledger_of(status: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(status.get(part, default) for part, default in LEDGER.items())


@pytest.mark.parametrize(("request_body", "answer"), ABOUT_RANGES)
def test_a_changed_ledger_has_the_next_revision(request_body: dict[str, Any], answer: dict[str, Any]) -> None:
    """S2, as the API server checks it."""
    before, after = request_body["parent"].get("status", {}), answer["status"]
    step = after["revision"] - before.get("revision", 0)

    assert step == 1 or (step == 0 and ledger_of(before) == ledger_of(after))


@pytest.mark.parametrize(("request_body", "answer"), ABOUT_RANGES)
def test_no_two_blocks_of_a_ledger_overlap(request_body: dict[str, Any], answer: dict[str, Any]) -> None:
    for status in (request_body["parent"].get("status", {}), answer["status"]):
        blocks = [ip_network(entry["cidr"]) for entry in status.get("allocations", [])]

        assert all(int(first[-1]) < int(second[0]) for first, second in pairwise(blocks))


@pytest.mark.parametrize(("request_body", "answer"), ABOUT_RANGES)
def test_every_published_block_was_committed(request_body: dict[str, Any], answer: dict[str, Any]) -> None:
    """S3: it is in the observed ledger, or was published before."""
    entries = request_body["parent"].get("status", {}).get("allocations", [])
    committed = {(entry["uid"], entry["cidr"]) for entry in entries}
    existing = [child["spec"] for child in request_body["children"].get(SLICE_KEY, {}).values()]
    published = {(item["uid"], item["cidr"]) for spec in existing for item in items_of(spec) if "cidr" in item}

    for item in [item for child in answer["children"] for item in items_of(child["spec"])]:
        if item["state"] == "Ready":
            assert (item["uid"], item["cidr"]) in committed | published


@pytest.mark.parametrize(("request_body", "answer"), ABOUT_RANGES)
def test_no_entry_is_removed_or_changed_without_proof(request_body: dict[str, Any], answer: dict[str, Any]) -> None:
    """S4 and S5: a holder that exists and is not being deleted keeps its block."""
    before = {entry["uid"]: entry["cidr"] for entry in ledger_of(request_body["parent"].get("status", {}))[0]}
    after = {entry["uid"]: entry["cidr"] for entry in ledger_of(answer["status"])[0]}
    present = {
        each["metadata"]["uid"]
        for each in request_body["related"]["IPAMRequest.ipam.mandelsoft.org/v1alpha1"].values()
        if "deletionTimestamp" not in each["metadata"]
    }

    assert all(after[uid] == before[uid] for uid in after.keys() & before.keys())
    assert present & before.keys() <= after.keys()


def closed(schema: Any) -> Any:
    """The schema, changed to refuse fields that it does not name: the API server would drop them."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(each) for key, each in schema.items()}
    return inner | {"additionalProperties": False} if "properties" in schema else inner


@pytest.mark.parametrize(
    ("kind", "part"),
    [("ipamrange", "status"), ("ipamrequest", "status"), ("ipamallocationslice", "spec"), ("ipamextent", "spec")],
)
def test_answers_conform_to_the_crds(kind: str, part: str) -> None:
    validator = jsonschema.Draft202012Validator(closed(part_of(kind, part)))
    slices = answered_specs("IPAMAllocationSlice")
    specs = {
        # A slice that cannot be read is returned as it came.
        "ipamallocationslice": [each for each in slices if len(items_of(each)) == len(each.get("answers", [None]))],
        "ipamextent": answered_specs("IPAMExtent"),
    }
    values = answered_statuses(kind) if part == "status" else specs[kind]

    assert values
    assert [fault.message for value in values for fault in validator.iter_errors(value)] == []


@pytest.mark.parametrize("file", sorted(WALKTHROUGH.glob("*.json")), ids=name_of)
def test_each_step_of_a_walkthrough_starts_from_the_answer_of_the_step_before(file: Path) -> None:
    steps = [case for case in written(file) if case["path"] in ("/ipamrange/sync", "/ipamrange/finalize")]

    assert [case["now"] for case in written(file)] == sorted(case["now"] for case in written(file))
    for step, following in pairwise(steps):
        answered = {child["metadata"]["name"]: child["spec"] for child in step["expect"]["body"]["children"]}
        observed = {key: each for group in following["request"]["children"].values() for key, each in group.items()}
        assert following["request"]["parent"]["status"] == step["expect"]["body"]["status"]
        assert {each["metadata"]["name"]: each["spec"] for each in observed.values()} == answered


def test_the_readme_shows_a_case_that_exists() -> None:
    (sample,) = re.findall(r"```json\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)

    assert json.loads(sample)[0] in [case for _, case in ALL]
