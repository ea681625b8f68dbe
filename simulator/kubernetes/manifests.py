"""Reading manifests: YAML or JSON from files, folders or standard input, as kubectl reads them.

PyYAML reads `1:30` as 90 and dates as dates, unlike the YAML library of Kubernetes, and silently keeps the last of two
equal keys. The loader here drops those two resolvers and refuses duplicate keys. It reads 28.0 and 1.2e+06 (as Helm
renders large numbers) as integers, because kubectl sends integers.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from simulator.kubernetes.objects import Obj

SUFFIXES = (".yaml", ".yml", ".json")
#: Integers of YAML 1.1 without its base-60 form, which matches parts of IPv6 addresses.
INTEGER = re.compile(r"^[-+]?(0b[0-1_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*)$")
FLOAT = re.compile(r"^[-+]?(([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))$")
#: Go writes smaller floats without an exponent, so those without a fraction are integers in JSON.
INTEGRAL_FLOAT_MAX = 1e21
#: More levels of lists and objects than any manifest, dump or export has. A parser that reads thousands of them runs
#: out of stack.
LEVELS_MAX = 200
TOO_DEEP = (
    f"it is nested too deeply: more than {LEVELS_MAX} lists or objects are inside each other. Correct it, or write it "
    "again"
)


class BadManifest(Exception):
    """A file can't be read as manifests; the message names the file and the problem."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object and the name of its file."""

    source: str
    obj: Obj


def read_manifests(path: Path | str, stdin: IO[str] | None = None) -> list[Manifest]:
    """All objects of a file, of the files of a folder in the order of their names, or of standard input (`-`).

    Lists (`kind: List`, `IPAMRequestList`) are split into their items, and `kustomization.yaml` is skipped.

    Raises BadManifest.
    """
    if str(path) == "-":
        return list(_parsed("STDIN", (stdin or sys.stdin).read()))
    path = Path(path)
    if not path.exists():
        raise BadManifest(f'the path "{path}" does not exist')
    files = sorted(item for item in path.iterdir() if item.suffix in SUFFIXES) if path.is_dir() else [path]
    if not files:
        raise BadManifest(f"error reading [{path}]: recognized file extensions are {', '.join(SUFFIXES)}")
    return [item for file in files for item in _parsed(str(file), _text(file))]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadManifest(f"error reading {file}: {error}") from error


def _parsed(source: str, text: str) -> Iterator[Manifest]:
    try:
        # _Loader is a SafeLoader: it builds plain data only.
        documents = list(yaml.load_all(text, Loader=_Loader))
    except (yaml.YAMLError, ValueError) as error:
        raise BadManifest(f"error parsing {source}: {_one_line(error)}") from error
    except RecursionError as error:
        raise BadManifest(f"error parsing {source}: {TOO_DEEP}") from error
    for document in documents:
        yield from _objects(source, document)


def _objects(source: str, document: Any) -> Iterator[Manifest]:
    if document is None:
        return
    if not isinstance(document, dict):
        raise BadManifest(f"error parsing {source}: an object was expected, not {document!r:.60}")
    if document.get("kind") == "Kustomization":
        return
    if str(document.get("kind")).endswith("List"):
        for item in _items_of(source, document):
            yield from _objects(source, item)
        return
    for name in ("apiVersion", "kind"):
        if not isinstance(document.get(name), str):
            raise BadManifest(f'error validating "{source}": {name} not set')
    if fault := fault_of(document):
        raise BadManifest(f'error validating "{source}": {fault}')
    yield Manifest(source, document)


def _items_of(source: str, document: Obj) -> list[Any]:
    if fault := fault_of_list(document):
        raise BadManifest(f'error validating "{source}": {fault}')
    return document.get("items") or []


def fault_of_list(document: Obj) -> str:
    """What is wrong with a list, so that its objects can't be read; "" if nothing is."""
    items = document.get("items") or []
    wrong = [each for each in items if not isinstance(each, dict)] if isinstance(items, list) else [items]
    form = "a list of objects, such as kubectl get -o json prints"
    return fault_of(document) or (f"items must be {form}, not {wrong[0]!r:.60}" if wrong else "")


def fault_of(obj: Obj) -> str:
    """What is wrong with the metadata of an object or a list, so that nothing can be done with it; "" if nothing is."""
    metadata = obj.get("metadata")
    if metadata is None:
        return ""
    if not isinstance(metadata, dict):
        return f"metadata: an object such as {{name: web}} was expected, not {metadata!r:.60}"
    for name in ("labels", "annotations"):
        if not isinstance(metadata.get(name, {}), dict | None):
            return f"metadata.{name}: an object of texts was expected, not {metadata[name]!r:.60}"
    for name in ("name", "namespace"):
        if not isinstance(metadata.get(name, ""), str | None):
            return f"metadata.{name}: a text was expected, not {metadata[name]!r:.60}: write it in quotes"
    for name in ("continue", "remainingItemCount"):
        if rest := metadata.get(name):
            whole = "write it without a limit, as kubectl get -A -o json does"
            return f"metadata.{name} is {rest!r:.60}: this is a page of a list, which has more objects: {whole}"
    return ""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


class _Loader(yaml.SafeLoader):
    """A SafeLoader that reads scalars as Kubernetes does, and refuses a mapping with two equal keys."""

    _levels = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next value. Raises RecursionError if it has too many levels, or is an alias of what it is in."""
        self._levels += 1
        node = super().compose_node(parent, index) if self._levels <= LEVELS_MAX else None
        if node is None or node.end_mark is None:
            raise RecursionError
        self._levels -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for name, _ in node.value:
            if name.tag == "tag:yaml.org,2002:merge":
                continue
            if name.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f'key "{name.value}" already set', name.start_mark)
            seen.add(name.value)
        return super().construct_mapping(node, deep=deep)

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """A float; if it has no fraction, an integer."""
        value = float(self.construct_yaml_float(node))
        return int(value) if value.is_integer() and abs(value) < INTEGRAL_FLOAT_MAX else value


_DROPPED = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _DROPPED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_number)
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", INTEGER, list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+0123456789."))
