"""The API server refuses each object that breaks a rule of a CRD, with the message of the rule, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controlplane.api import KINDS, Refused, object_path
from controlplane.objects import API_VERSION
from tests.e2e import crd_tables, crd_writes
from tests.e2e.crd_schema import (
    FILLED,
    Keyword,
    break_keyword,
    cel_messages,
    crds,
    filled,
    keywords,
    schema_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from controlplane.api import Api, Obj

STRICT = {"dryRun": "All", "fieldValidation": "Strict"}


def _id(value: object) -> str:
    return value.title if isinstance(value, Keyword) else str(value) if isinstance(value, str) else ""


def _ids(rows: Sequence[tuple[object, ...]]) -> list[str]:
    return [" ".join(str(cell) for cell in row[:2] if isinstance(cell, str)) for row in rows]


def _object(kind: str, namespace: str, spec: Obj) -> Obj:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"namespace": namespace, "name": "tried"},
        "spec": spec,
    }


@pytest.fixture(scope="module")
def shared(api: Api) -> Iterator[Obj]:
    """One stored object of each kind, for dry runs of status writes."""
    yield {kind: api.create(filled(kind, "default", "rules")) for kind in FILLED}
    for kind in FILLED:
        api.delete(KINDS[kind], "default", "rules")


@pytest.mark.parametrize(("case", "kind", "spec", "message"), crd_tables.REFUSED, ids=_ids(crd_tables.REFUSED))
def test_an_invalid_spec_is_refused_with_the_message_of_its_rule(
    api: Api, case: str, kind: str, spec: Obj, message: str
) -> None:
    with pytest.raises(Refused) as refusal:
        api.create(_object(kind, "default", spec), **STRICT)
    assert refusal.value.status == 422, case
    assert message in refusal.value.message


@pytest.mark.parametrize(("case", "kind", "spec"), crd_tables.ACCEPTED, ids=_ids(crd_tables.ACCEPTED))
def test_a_valid_spec_is_accepted(api: Api, case: str, kind: str, spec: Obj) -> None:
    stored = api.create(_object(kind, "default", spec), **STRICT)
    assert {key: stored["spec"][key] for key in spec} == spec, case


@pytest.mark.parametrize("count", [-1, "-1", 1.5, "1.5", "064", "many", "", "9" * 40, True])
def test_a_quota_must_be_a_number_of_addresses(api: Api, count: object) -> None:
    spec: Obj = {"ranges": ["10.0.0.0/24"], "quota": {"addresses": count}}
    with pytest.raises(Refused, match=r"spec\.quota\.addresses") as refusal:
        api.create(_object("IPAMRange", "default", spec), **STRICT)
    assert refusal.value.status == 422


@pytest.mark.parametrize("keyword", keywords(), ids=_id)
def test_each_keyword_of_the_schema_refuses_a_value_that_breaks_it(api: Api, shared: Obj, keyword: Keyword) -> None:
    obj = filled(keyword.kind, "default", "rules")
    message = break_keyword(obj, keyword)
    with pytest.raises(Refused) as refusal:
        _try_out(api, shared[keyword.kind], obj, keyword.path[0] if keyword.path else "spec")
    assert refusal.value.status == 422
    assert message in refusal.value.message
    names = [step for step in (*keyword.path, keyword.sub) if step and isinstance(step, str)]
    assert names[-1] in refusal.value.message


@pytest.mark.parametrize("kind", FILLED)
def test_an_object_with_all_fields_is_accepted(api: Api, shared: Obj, kind: str) -> None:
    obj = filled(kind, "default", "rules")
    for part in FILLED[kind]:
        assert _try_out(api, shared[kind], obj, part)[part] == obj[part]


@pytest.mark.parametrize("kind", FILLED)
def test_an_unknown_field_is_refused(api: Api, kind: str) -> None:
    obj = filled(kind, "default", "new")
    obj["spec"]["nonsense"] = 1
    with pytest.raises(Refused, match=r'unknown field "spec\.nonsense"'):
        api.create(obj, **STRICT)


@pytest.mark.parametrize("change", crd_tables.REFUSED_CHANGES, ids=_ids(crd_tables.REFUSED_CHANGES))
def test_a_change_of_an_immutable_field_is_refused(api: Api, namespace: str, change: crd_tables.Change) -> None:
    case, kind, before, after, message = change
    stored = api.create(_object(kind, namespace, before))
    with pytest.raises(Refused) as refusal:
        _replace(api, stored, after)
    assert refusal.value.status == 422, case
    assert message in refusal.value.message


@pytest.mark.parametrize("change", crd_tables.ACCEPTED_CHANGES, ids=_ids(crd_tables.ACCEPTED_CHANGES))
def test_another_change_is_accepted(api: Api, namespace: str, change: tuple[str, str, Obj, Obj]) -> None:
    case, kind, before, after = change
    stored = api.create(_object(kind, namespace, before))
    changed = _replace(api, stored, after)
    assert {key: changed["spec"][key] for key in after} == after, case


@pytest.mark.parametrize(
    ("case", "statuses", "message"), crd_writes.LEDGER_WRITES, ids=[case for case, *_ in crd_writes.LEDGER_WRITES]
)
def test_the_ledger_changes_one_revision_at_a_time(
    api: Api, namespace: str, case: str, statuses: list[Obj], message: str
) -> None:
    spec = {"ranges": ["10.0.0.0/8"]}
    _write_statuses(api, api.create(_object("IPAMRange", namespace, spec)), case, statuses, message)


@pytest.mark.parametrize(
    ("case", "statuses", "message"), crd_writes.ANSWER_WRITES, ids=[case for case, *_ in crd_writes.ANSWER_WRITES]
)
def test_a_published_cidr_never_changes(api: Api, namespace: str, case: str, statuses: list[Obj], message: str) -> None:
    spec = {"ipam": {"name": "net"}}
    _write_statuses(api, api.create(_object("IPAMRequest", namespace, spec)), case, statuses, message)


def test_every_cel_rule_has_a_case() -> None:
    assert cel_messages() - crd_tables.CEL_MESSAGES_WITH_A_CASE == set()


def test_every_message_in_the_tables_belongs_to_a_rule() -> None:
    assert crd_tables.CEL_MESSAGES_WITH_A_CASE - {""} - cel_messages() == set()


@pytest.mark.parametrize("crd", crds(), ids=lambda crd: crd["metadata"]["name"])
def test_the_filled_objects_have_all_fields(crd: Obj) -> None:
    kind = crd["spec"]["names"]["kind"]
    for part in ("spec", "status"):
        schema = schema_of(crd)["properties"].get(part, {})
        assert set(schema.get("properties", ())) == set(FILLED[kind].get(part, ()))


def _try_out(api: Api, stored: Obj, obj: Obj, part: str | int) -> Obj:
    """Makes a dry run: writes the status to the stored object, or creates a new object with the spec."""
    if part == "status":
        return api.put_status(stored | {"status": obj["status"]}, **STRICT)
    return api.create(obj | {"metadata": {"namespace": "default", "name": "new"}}, **STRICT)


def _replace(api: Api, stored: Obj, spec: Obj) -> Obj:
    meta = stored["metadata"]
    path = object_path(KINDS[stored["kind"]], meta["namespace"], meta["name"])
    return api.ask("PUT", path, stored | {"spec": spec})


def _write_statuses(api: Api, stored: Obj, case: str, statuses: list[Obj], message: str) -> None:
    for status in statuses[:-1]:
        stored = api.put_status(stored | {"status": status})
    if not message:
        assert api.put_status(stored | {"status": statuses[-1]})["status"].items() >= statuses[-1].items(), case
        return
    with pytest.raises(Refused) as refusal:
        api.put_status(stored | {"status": statuses[-1]})
    assert refusal.value.status == 422, case
    assert message in refusal.value.message
