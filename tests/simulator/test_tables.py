from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.kubectl.tables import BadPath, Layout, age, find, table
from simulator.kubernetes.errors import NotFound
from simulator.kubernetes.objects import Obj
from simulator.kubernetes.resources import Catalog
from tests.simulator.toys import CRDS, SLIP_SPEC, box, crd

NOW = datetime(2026, 1, 1, 0, 5, 30, tzinfo=UTC)
CATALOG = Catalog(CRDS)


def stored(name: str, namespace: str = "default", **more: Any) -> Obj:
    metadata = {"name": name, "namespace": namespace, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return box(name) | {"metadata": metadata} | more


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"),
        (-9, "<invalid>"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (330, "5m30s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (4 * 3600 + 120, "4h2m"),
        (9 * 3600, "9h"),
        (49 * 3600, "2d1h"),
        (9 * 86400, "9d"),
        (800 * 86400, "2y70d"),
        (3000 * 86400, "8y"),
    ],
)
def test_ages_are_shortened_as_kubectl_does(seconds: float, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a", [1]),
        (".missing.deeper", []),
        (".list[1].type", ["Ready"]),
        ('.list[?(@.type=="Ready")].status', ["True"]),
        ('.list[?(@.type=="Other")].status', []),
        (".map['x.y/z']", [3]),
        (r".map.x\.y/z", [3]),
        (".list[9]", []),
        (".list[*].type", ["Old", "Ready"]),
        (".a[*]", []),
    ],
)
def test_json_paths_of_print_columns(path: str, found: list[Any]) -> None:
    obj = {"a": 1, "list": [{"type": "Old"}, {"type": "Ready", "status": "True"}], "map": {"x.y/z": 3}}
    assert find(path, obj) == found


def test_an_invalid_path_is_quoted() -> None:
    with pytest.raises(BadPath, match=r"\.\.all"):
        find("..all", {})


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        (Layout(), "NAME   SIZE   COUNT   AGE\na      1              5m30s\nlong   1      7       5m30s\n"),
        (
            Layout(wide=True, kinds=True),
            (
                "NAME                    SIZE   COUNT   AGE     COLOR\n"
                "box.toys.example/a      1              5m30s\n"
                "box.toys.example/long   1      7       5m30s\n"
            ),
        ),
        (
            Layout(namespaces=True),
            (
                "NAMESPACE   NAME   SIZE   COUNT   AGE\n"
                "default     a      1              5m30s\n"
                "team        long   1      7       5m30s\n"
            ),
        ),
    ],
)
def test_tables_look_like_those_of_kubectl(layout: Layout, text: str) -> None:
    objects = [stored("a"), stored("long", "team", status={"count": 7})]
    assert table(CATALOG.called("box")[0], objects, layout, NOW) == text


def test_lists_are_shown_as_the_api_server_prints_them() -> None:
    (color,) = [column for column in CATALOG.called("box")[0].columns if column["name"] == "Color"]
    path = color["jsonPath"].removeprefix(".").split(".")
    obj = stored("a")
    parent = obj
    for step in path[:-1]:
        parent = parent.setdefault(step, {})
    parent[path[-1]] = ["10.0.0.0/24", "10.0.1.7"]
    shown = table(CATALOG.called("box")[0], [obj], Layout(wide=True), NOW)
    assert '["10.0.0.0/24","10.0.1.7"]' in shown


def test_of_several_values_the_api_server_prints_the_first_one() -> None:
    columns = [{"name": "Lines", "type": "string", "jsonPath": ".spec.lines[*].uid"}]
    kind = Catalog([crd("Slip", SLIP_SPEC, additionalPrinterColumns=columns)]).called("slip")[0]
    slips = [stored("s", spec={"lines": [{"uid": "a"}, {"uid": "b"}]}), stored("t", spec={"lines": []})]
    assert table(kind, slips, Layout(), NOW) == "NAME   LINES\ns      a\nt\n"


def test_a_kind_without_columns_shows_its_age() -> None:
    assert table(CATALOG.called("slips")[0], [stored("s")], Layout(), NOW) == "NAME   AGE\ns      5m30s\n"


@pytest.mark.parametrize("word", ["box", "boxes", "Box", "boxes.toys.example", "box.toys.example"])
def test_a_kind_is_found_by_all_its_names(word: str) -> None:
    assert [item.kind for item in CATALOG.called(word)] == ["Box"]


def test_a_category_names_all_its_kinds_and_an_unknown_word_is_an_error() -> None:
    assert [item.kind for item in CATALOG.called("toys")] == ["Box", "Wish", "Slip"]
    with pytest.raises(NotFound, match='doesn\'t have a resource type "boxen"'):
        CATALOG.called("boxen")
