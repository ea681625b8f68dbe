"""Our own formats: JSON, which keeps everything, and CSV, which a person can write in a spreadsheet.

JSON has the objects of a book: `{"ranges": [{"namespace", "name", "spec"}], "requests": [{"namespace", "name", "range",
"cidr", "attachedTo", "spec"}]}`; a range is named as "namespace/name", or by its name alone. CSV has a column for each
of the fields in `HEADINGS`; a row that has addresses is a range, and any other row a request. Of a row of a request,
all but a name and a block can be missing.

A request that is attached to another object (a claim, a Service) is not imported. Its name depends on the uid of that
object, which has another one after a restore, and makes another request. The imported one would keep its address.
"""

from collections.abc import Mapping
from typing import Any

from hooks.api.names import NamespacedName
from kubectl_ipam.exchange.blocks import NoBlock, canonical, read_block
from kubectl_ipam.exchange.book import Book, BookRange, BookRequest, error, left_to, warning
from kubectl_ipam.exchange.naming import name_from, name_of_block
from kubectl_ipam.exchange.tables import Row, Table, heading_key

#: The columns of a CSV export.
HEADINGS = (
    "namespace", "name", "range", "cidr", "state", "addresses", "excludes", "chunkSize", "mode", "domain", "gateway",
    "prefixLength", "dnsServers", "description", "attachedTo", "message",
)  # fmt: skip
#: What separates several values in one cell.
SEPARATOR = " "

_NAME = ("name", "request", "hostname", "host", "owner", "description")
_BLOCK = ("cidr", "block", "prefix", "address", "ipaddress", "ip")
_RANGE = ("range", "pool")
_KNOWN = frozenset({*map(heading_key, HEADINGS), *_NAME, *_BLOCK, *_RANGE})


class Misshapen(ValueError):
    """JSON that is no book; the message says where."""


def book_of_table(table: Table, namespace: str) -> Book:
    """The ranges and requests of a table; `namespace` is that of rows without one."""
    book = Book()
    place = table.rows[0].place.rpartition(":")[0] if table.rows else ""
    if ignored := sorted(filter(None, table.headings - _KNOWN)):
        book.findings.append(warning(place, f"columns that are not read: {', '.join(ignored)}"))
    if owners := list(filter(None, (row.text("attachedto") for row in table.rows))):
        book.findings.append(left_to(owners, place))
    for row in table.rows:
        if row.text("attachedto"):
            continue
        if len(blocks := _blocks_of(row)) > 1:
            text = f"has both {' and '.join(blocks)}, of which one would be lost: write a row for each"
            book.findings.append(error(row.place, text))
        elif row.text("addresses"):
            _add_range(row, namespace, book)
        elif row.text(*_BLOCK) or row.text(*_RANGE):
            _add_request(row, namespace, book)
        else:
            columns = ", ".join(sorted(row.cells))
            text = f"has neither addresses (a range) nor a cidr (a request); its columns are {columns}"
            book.findings.append(error(row.place, text))
    return book


def is_plain_table(table: Table) -> bool:
    """Whether a table has a column of blocks or of addresses."""
    return bool(table.headings & {"addresses", *_BLOCK})


def _blocks_of(row: Row) -> list[str]:
    """The cells of a row that name what it is about, as `cidr "10.0.0.0/28"`; of several for one block, the last."""
    cells = {heading: text for heading in ("addresses", *_BLOCK) if (text := row.text(heading))}
    return list({_as_block(text): f'{heading} "{text}"' for heading, text in cells.items()}.values())


def _as_block(text: str) -> str:
    """A text for comparison with others: 10.0.0.5 and 10.0.0.5/32 are one."""
    try:
        return str(read_block(text))
    except NoBlock:
        return text


def _add_range(row: Row, namespace: str, book: Book) -> None:
    spec: dict[str, Any] = {"ranges": _texts(row.text("addresses"))}
    if excludes := _texts(row.text("excludes")):
        spec["excludes"] = excludes
    spec |= {key: text for key in ("mode", "domain", "description") if (text := row.text(key))}
    try:
        if length := row.text("chunksize"):
            spec["chunkSize"] = _length(length)
        if network := _network_of(row):
            spec["network"] = network
    except ValueError as fault:
        book.findings.append(error(row.place, str(fault)))
        return
    book.ranges.append(BookRange(_name_of(row, namespace, "range", book), spec, row.place))


def _length(text: str) -> int:
    digits = text.removeprefix("/")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f'"{text}" is no prefix length: write a number such as 28')
    return int(digits)


def _network_of(row: Row) -> dict[str, Any]:
    network: dict[str, Any] = {}
    if gateway := row.text("gateway"):
        network["gateway"] = canonical(gateway)
    if length := row.text("prefixlength"):
        network["prefixLength"] = _length(length)
    if servers := _texts(row.text("dnsservers")):
        network["dnsServers"] = servers
    return network


def _add_request(row: Row, namespace: str, book: Book) -> None:
    cidr = row.text(*_BLOCK)
    name = _name_of(row, namespace, "ip", book)
    ranges = _references(row.text(*_RANGE), name.namespace)
    book.requests.append(BookRequest(name, ranges, cidr, row.place, domain=row.text("domain")))


def _name_of(row: Row, namespace: str, kind: str, book: Book) -> NamespacedName:
    """The name of an object, made of the name in a row, or of its block; the book notes if it is another one."""
    wish = row.text(*_NAME)
    made = name_from(wish) or f"{kind}-{name_of_block(row.text(*_BLOCK, 'addresses').split(SEPARATOR)[0])}"
    if wish and made != wish:
        book.findings.append(warning(row.place, f'"{wish}" becomes {made}, as Kubernetes does not accept this name'))
    return NamespacedName(row.text("namespace") or namespace, made)


def _references(text: str, namespace: str) -> tuple[NamespacedName, ...]:
    if not text:
        return ()
    name = NamespacedName.parse(text)
    return (name if name.namespace else NamespacedName(namespace, name.name),)


def _texts(cell: str) -> list[str]:
    return [canonical(text) for text in cell.replace(",", " ").replace(";", " ").split()]


def book_of_json(name: str, document: Mapping[str, Any], namespace: str) -> Book:
    """The ranges and requests of a JSON export.

    Raises:
        Misshapen: if it is none.
    """
    book = Book()
    for number, each in enumerate(_objects(document, "ranges")):
        place = f"{name}: ranges[{number}]"
        if not isinstance(each.get("spec"), dict):
            raise Misshapen(f"{place} has no spec")
        book.ranges.append(BookRange(_own_name(each, place, namespace), each["spec"], place))
    owners: list[str] = []
    for number, each in enumerate(_objects(document, "requests")):
        place = f"{name}: requests[{number}]"
        if owner := each.get("attachedTo"):
            owners.append(str(owner))
            continue
        own, spec = _own_name(each, place, namespace), each.get("spec") or {}
        if not isinstance(spec, dict):
            raise Misshapen(f"{place} has a spec that is no object")
        ranges = _references(str(each.get("range") or ""), own.namespace)
        domain = str(each.get("domain") or "")
        book.requests.append(BookRequest(own, ranges, canonical(str(each.get("cidr") or "")), place, spec, domain))
    if owners:
        book.findings.append(left_to(owners, name))
    return book


def is_book(document: Any) -> bool:
    """Whether JSON is a book."""
    return isinstance(document, dict) and isinstance(document.get("requests", document.get("ranges")), list)


def _objects(document: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    found = document.get(field, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Misshapen(f"{field} is not a list of objects")
    return found


def _own_name(each: Mapping[str, Any], place: str, namespace: str) -> NamespacedName:
    if not isinstance(each.get("name"), str):
        raise Misshapen(f"{place} has no name")
    return NamespacedName(str(each.get("namespace") or namespace), each["name"])
