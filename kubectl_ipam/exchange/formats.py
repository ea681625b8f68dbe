"""Which format a file has, and the book that files of any formats make up together."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import yaml

from hooks.protocol.decoding import UNREADABLE
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
from simulator.kubernetes.manifests import LEVELS_MAX, TOO_DEEP

Format = Literal["csv", "json", "netbox", "phpipam", "metal3", "in-cluster"]
FORMATS: tuple[Format, ...] = ("csv", "json", "netbox", "phpipam", "metal3", "in-cluster")

Document = dict[str, Any]


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
        self._objects: list[Document] = []
        self._names: list[str] = []

    def add(self, file: File) -> None:
        documents = None if self._wanted == "csv" else _documents_of(file)
        if documents is None:
            self._add_table(file)
        else:
            self._add_documents(file.name, documents)

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

    def _add_documents(self, name: str, documents: list[Document]) -> None:
        found = _formats_of(documents[0]) if documents else ()
        if self._wanted and self._wanted not in found:
            found = ()
        if others := [each for each in documents if not found or _formats_of(each) != found]:
            raise Unanswerable(f'"{name}" {_refusal(others[0], self._wanted, found)}')
        if "json" in found:
            self._add_books(name, documents)
        elif "netbox" in found:
            for answer in filter(_is_answer, documents):
                self._pages.add(name, answer)
            objects = [each for answer in documents for each in (answer["results"] if _is_answer(answer) else [answer])]
            self._netbox.add_objects(name, objects)
        else:
            self._objects += documents
            self._names.append(name)

    def _add_books(self, name: str, documents: list[Document]) -> None:
        for number, document in enumerate(documents):
            place = name if len(documents) == 1 else f"{name}: [{number}]"
            try:
                self._books.append(plain.book_of_json(place, document, self._namespace))
            except plain.Misshapen as fault:
                raise Unanswerable(f'"{name}": {fault}. A complete example: kubectl ipam export -o json') from fault


def _format_of(table: Table) -> Format | None:
    if is_phpipam(table.headings):
        return "phpipam"
    if is_netbox(table.headings):
        return "netbox"
    return "csv" if plain.is_plain_table(table) else None


def _is_answer(document: Document) -> bool:
    """Whether a document is an answer of an API, with objects in it."""
    return isinstance(document.get("results"), list)


def _formats_of(document: Document) -> tuple[Format, ...]:
    """The formats that have such a document; none if it can't be imported."""
    if is_pool_object(document):
        return "metal3", "in-cluster"
    if plain.is_book(document):
        return ("json",)
    objects = document["results"] if _is_answer(document) else [document]
    return ("netbox",) if all(map(_is_of_netbox, objects)) else ()


def _is_of_netbox(each: Any) -> bool:
    return isinstance(each, Mapping) and is_netbox(heading_key(key) for key in each)


def _refusal(document: Document, wanted: Format | None, others: tuple[Format, ...]) -> str:
    """Why a document can't be imported, as the rest of a sentence; before it there were some of other formats."""
    kind = document.get("kind")
    if kind in ("IPAMRange", "IPAMRequest"):
        return "has ranges or requests of ours: restore them as docs/operating.md says (Backup and restore)"
    found = f"the kind {kind}" if kind else "the keys " + (", ".join(sorted(document)[:8]) or "none")
    if others:
        return f"is {' or '.join(others)}, but has another document, too (found: {found}): move it to another file"
    return f"is not {wanted or 'of a format that can be imported'} (found: {found}). Formats: {', '.join(FORMATS)}"


def _documents_of(file: File) -> list[Document] | None:
    """The objects of JSON or YAML; lists are taken apart. None if it is neither."""
    try:
        text = file.data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None  # the reader of tables says what it is
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _taken_apart(file.name, [msgspec.json.decode(text)])
        except RecursionError as fault:
            raise _too_deep(file.name) from fault
        except UNREADABLE as fault:
            raise Unanswerable(f'"{file.name}" is not JSON: {fault}') from fault
    if not any(line.startswith(("apiVersion:", "kind:")) for line in text.splitlines()):
        return None
    try:
        _check_levels(file.name, text)
        documents = list(yaml.load_all(text, _loader()))
        return _taken_apart(file.name, msgspec.to_builtins(documents, str_keys=True))
    except RecursionError as fault:  # an alias of a list or object in itself
        raise _too_deep(file.name) from fault
    except (yaml.YAMLError, ValueError, TypeError) as fault:  # the 30th of February, a key that is null
        raise Unanswerable(f'"{file.name}" is not YAML: {str(fault).splitlines()[0]}') from fault


def _check_levels(name: str, text: str) -> None:
    """Do nothing if YAML has few levels: the loader of libyaml crashes the process at tens of thousands.

    Raises:
        Unanswerable: if it has more than `LEVELS_MAX`.
        yaml.YAMLError: if it is no YAML.
    """
    levels = 0
    for event in yaml.parse(text, _loader()):
        levels += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if levels > LEVELS_MAX:
            raise _too_deep(name)


def _too_deep(name: str) -> Unanswerable:
    return Unanswerable(f'"{name}" can\'t be read: {TOO_DEEP}')


def _loader() -> Any:
    """The loader of libyaml, where PyYAML has it; both create plain data only."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _taken_apart(source: str, documents: Sequence[Any]) -> list[Document]:
    objects: list[Document] = []
    for document in documents:
        if isinstance(document, list):
            objects += _taken_apart(source, document)
        elif isinstance(document, dict) and str(document.get("kind", "")).endswith("List"):
            objects += _taken_apart(source, items_of(document, source))
        elif isinstance(document, dict):
            objects.append(document)
        elif document is not None:  # as an empty document of YAML is
            raise Unanswerable(f'"{source}" has {document!r:.60}, where an object must be')
    return objects
