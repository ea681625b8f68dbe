"""A book: the ranges and requests of an import, before anything is known about conflicts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from hooks.api.names import NamespacedName


class Severity(StrEnum):
    """How bad a finding is. An error keeps an object from being imported as it was."""

    ERROR = "error"
    WARNING = "warning"


class Finding(NamedTuple):
    """Something that a person must know before the import is applied.

    Attributes:
        severity: how bad it is.
        place: where in which file, such as "prefixes.csv:12".
        message: what is wrong, with the value and what to do about it.
    """

    severity: Severity
    place: str
    message: str


def error(place: str, message: str) -> Finding:
    """A finding that keeps an object out of the import."""
    return Finding(Severity.ERROR, place, message)


def warning(place: str, message: str) -> Finding:
    """A finding that is only good to know."""
    return Finding(Severity.WARNING, place, message)


def left_to(owners: Sequence[str], place: str) -> Finding:
    """The finding on requests that are left out, because the objects to which they were attached make them again."""
    shown = f"{owners[0]} makes it" if len(owners) == 1 else f"{owners[0]} and others make them"
    left = "1 request is" if len(owners) == 1 else f"{len(owners)} requests are"
    return warning(place, f"{left} left out, because {shown} again: restore these objects before the hold ends")


@dataclass(frozen=True)
class BookRange:
    """A range.

    Attributes:
        name: its namespace and name.
        spec: as in a manifest.
        place: where it was read.
    """

    name: NamespacedName
    spec: dict[str, Any]
    place: str


@dataclass(frozen=True)
class BookRequest:
    """A request.

    Attributes:
        name: its namespace and name.
        ranges: the ranges one of which it names, the one that has its block; none means any range.
        cidr: the block, still as text; "" if it has none yet.
        place: where it was read.
        spec: as in a manifest, without the range; what is asked for may follow from the block.
        domain: of the ranges among which that of the block is searched.
    """

    name: NamespacedName
    ranges: tuple[NamespacedName, ...]
    cidr: str
    place: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    domain: str = ""


@dataclass(frozen=True)
class Book:
    """The ranges and requests of an import.

    Attributes:
        ranges: in the order in which they were read.
        requests: likewise.
        findings: what was noticed while reading.
    """

    ranges: list[BookRange] = field(default_factory=list)
    requests: list[BookRequest] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def united(books: Iterable[Book]) -> Book:
    """The contents of several books."""
    union = Book()
    for book in books:
        union.ranges.extend(book.ranges)
        union.requests.extend(book.requests)
        union.findings.extend(book.findings)
    return union
