"""Which format a file has, and the book that files of any formats make up together."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import yaml

from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.exchange import plain
from kubectl_ipam.exchange.book import Book, united
from kubectl_ipam.exchange.hierarchy import book_of
from kubectl_ipam.exchange.netbox import NetBox, is_netbox
from kubectl_ipam.exchange.pages import Pages
from kubectl_ipam.exchange.phpipam import PhpIpam, is_phpipam
from kubectl_ipam.exchange.pools import book_of_pools, is_pool_object
from kubectl_ipam.exchange.tables import Table, heading_key, read_table
from kubectl_ipam.snapshot import items_of

Format = Literal["csv", "json", "netbox", "phpipam", "metal3", "in-cluster"]
FORMATS: tuple[Format, ...] = ("csv", "json", "netbox", "phpipam", "metal3", "in-cluster")


class File(NamedTuple):
    """A file to be imported: its name in messages, and its contents."""

    name: str
    data: bytes


def read_book(files: Sequence[File], namespace: str, wanted: Format | None = None) -> Book:
    """The ranges and requests of all files.

    Args:
        files: their order does not matter: prefixes may come before or after the addresses in them.
        namespace: for whatever has none.
        wanted: the format of all of them; None to recognize it.

    Raises:
        Unanswerable: if a file can't be read at all, or pages of an answer are missing; the message names it.
    """
    reading = _Reading(namespace, wanted)
    for file in files:
        reading.add(file)
    return reading.book()


class _Reading:
    """Files, and what they came to."""

    def __init__(self, namespace: str, wanted: Format | None) -> None:
        self._namespace, self._wanted = namespace, wanted
        self._netbox, self._phpipam, self._pages = NetBox(), PhpIpam(), Pages()
        self._books: list[Book] = []
        self._objects: list[dict[str, Any]] = []
        self._names: list[str] = []

    def add(self, file: File) -> None:
        documents = None if self._wanted == "csv" else _documents_of(file)
        if documents is None:
            self._add_table(file)
        elif any(map(is_pool_object, documents)):
            self._objects += documents
            self._names.append(file.name)
        else:
            self._add_json(file, documents)

    def book(self) -> Book:
        self._pages.check()
        self._phpipam.complete()
        for each in (self._netbox, self._phpipam):
            self._books.append(book_of(each.nets, each.hosts, self._namespace))
            self._books.append(Book(findings=each.findings))
        if self._objects:
            self._books.append(book_of_pools(self._objects, self._namespace, ", ".join(self._names)))
        return united(self._books)

    def _add_table(self, file: File) -> None:
        table = read_table(file.name, file.data)
        readers: dict[Format, Callable[[Table], None]] = {
            "phpipam": self._phpipam.add_table,
            "netbox": self._netbox.add_table,
            "csv": lambda table: self._books.append(plain.book_of_table(table, self._namespace)),
        }
        found = self._wanted or _format_of(table)
        if found not in readers:
            columns = ", ".join(sorted(filter(None, table.headings))) or "none"
            expected = f"as {found}" if found else "by its columns"
            raise Unanswerable(
                f'"{file.name}" can\'t be read {expected} (found: {columns[:200]}). For a table of your own, name the '
                "columns name and cidr, and for ranges addresses; or name the format by --from"
            )
        readers[found](table)

    def _add_json(self, file: File, documents: list[dict[str, Any]]) -> None:
        document = documents[0] if documents else {}
        objects = [each for answer in documents for each in (answer["results"] if _is_answer(answer) else [answer])]
        if self._wanted in (None, "json") and plain.is_book(document):
            try:
                self._books.append(plain.book_of_json(file.name, document, self._namespace))
            except plain.Misshapen as fault:
                raise Unanswerable(
                    f'"{file.name}": {fault}. A complete example: kubectl ipam export -o json'
                ) from fault
        elif self._wanted in (None, "netbox") and all(map(_is_of_netbox, objects)):
            self._netbox.add_objects(file.name, objects)
            for answer in filter(_is_answer, documents):
                self._pages.add(file.name, answer)
        else:
            raise Unanswerable(f'"{file.name}" {_refusal(document, self._wanted)}')


def _format_of(table: Table) -> Format | None:
    if is_phpipam(table.headings):
        return "phpipam"
    if is_netbox(table.headings):
        return "netbox"
    return "csv" if plain.is_plain_table(table) else None


def _is_answer(document: Mapping[str, Any]) -> bool:
    """Whether a document is an answer of an API, with objects in it."""
    return isinstance(document.get("results"), list)


def _is_of_netbox(each: Any) -> bool:
    return isinstance(each, Mapping) and is_netbox(heading_key(key) for key in each)


def _refusal(document: Mapping[str, Any], wanted: Format | None) -> str:
    kind = document.get("kind")
    if kind in ("IPAMRange", "IPAMRequest"):
        return "has ranges or requests of ours: restore them as docs/operating.md says (Backup and restore)"
    found = f"the kind {kind}" if kind else "the keys " + (", ".join(sorted(map(str, document))[:8]) or "none")
    return f"is not {wanted or 'of a format that can be imported'} (found: {found}). Formats: {', '.join(FORMATS)}"


def _documents_of(file: File) -> list[dict[str, Any]] | None:
    """The objects of JSON or YAML; lists are taken apart. None if it is neither."""
    text = file.data.decode("utf-8-sig", errors="replace")
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _taken_apart(file.name, [json.loads(text)])
        except ValueError as fault:
            raise Unanswerable(f'"{file.name}" is not JSON: {fault}') from fault
    if not any(line.startswith(("apiVersion:", "kind:")) for line in text.splitlines()):
        return None
    try:
        return _taken_apart(file.name, list(yaml.load_all(text, _loader())))
    except yaml.YAMLError as fault:
        raise Unanswerable(f'"{file.name}" is not YAML: {str(fault).splitlines()[0]}') from fault


def _loader() -> Any:
    """The loader of libyaml, where PyYAML has it; both create plain data only."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _taken_apart(source: str, documents: Sequence[Any]) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = []
    for document in documents:
        if isinstance(document, list):
            objects += _taken_apart(source, document)
        elif isinstance(document, dict) and str(document.get("kind", "")).endswith("List"):
            objects += _taken_apart(source, items_of(document, source))
        elif isinstance(document, dict):
            objects.append(document)
    return objects
