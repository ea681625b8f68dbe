"""CSV files, as programs and spreadsheets write them."""

import csv
import re
from collections.abc import Iterator
from io import StringIO
from itertools import zip_longest
from typing import NamedTuple

from kubectl_ipam.errors import Unanswerable

_DELIMITERS = ",;\t"
_WORKBOOKS = {b"\xd0\xcf\x11\xe0": "an Excel workbook (.xls)", b"PK\x03\x04": "a workbook (.xlsx or .ods)"}
_TRUE = {"1", "true", "yes", "y", "on", "✔"}


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        place: the file and the line, for messages.
        cells: its texts by heading, in lower case and without anything but letters and digits.
    """

    place: str
    cells: dict[str, str]

    def text(self, *headings: str) -> str:
        """The text below the first of these headings that has one; "" if none has."""
        return next((self.cells[each] for each in headings if self.cells.get(each)), "")

    def is_true(self, *headings: str) -> bool:
        """Whether that text means yes."""
        return self.text(*headings).lower() in _TRUE


class Table(NamedTuple):
    """A table.

    Attributes:
        headings: in the form of the keys of rows.
        rows: without empty ones.
    """

    headings: frozenset[str]
    rows: list[Row]


def read_table(name: str, data: bytes) -> Table:
    """Read CSV with a heading; commas, semicolons or tabs separate its columns.

    Raises:
        Unanswerable: if it is none; the message says what to do.
    """
    lines = _lines_of(name, data)
    delimiter = max(_DELIMITERS, key=lines[0].count)
    numbered = _numbered(name, lines, delimiter)
    _, titles = next(numbered)
    headings = _headings_of(name, titles)
    rows: list[Row] = []
    for line, texts in numbered:
        if surplus := [text for title, text in zip_longest(titles, texts, fillvalue="") if text and not title]:
            raise Unanswerable(
                f'"{name}" has more cells than headings in line {line}: "{delimiter.join(surplus)}" is below none. Put '
                f'quotes around a cell that has "{delimiter}" in it, or add the heading'
            )
        if any(texts):
            rows.append(Row(f"{name}:{line}", dict(zip(headings, texts, strict=False))))
    return Table(frozenset(headings), rows)


def _numbered(name: str, lines: list[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows, each with the number of its first line. Raises Unanswerable if one is malformed."""
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, [cell.strip() for cell in cells]
            line = reader.line_num + 1
    except csv.Error as fault:
        advice = "shorten that cell, or close the quotes that begin there"
        raise Unanswerable(f'"{name}" is not CSV: line {line}: {fault}: {advice}') from fault


def _headings_of(name: str, titles: list[str]) -> list[str]:
    """The headings in the form of the keys of rows.

    Raises:
        Unanswerable: if two of them have the same form, so that one column would hide the other.
    """
    headings = [heading_key(title) for title in titles]
    for number, (title, heading) in enumerate(zip(titles, headings, strict=True)):
        if heading and (first := headings.index(heading)) < number:
            raise Unanswerable(
                f'"{name}" has two columns of one heading: "{titles[first]}" and "{title}". Rename or remove one'
            )
    return headings


def _lines_of(name: str, data: bytes) -> list[str]:
    """The lines of a text, at least one.

    Raises:
        Unanswerable: if it is none.
    """
    for magic, kind in _WORKBOOKS.items():
        if data.startswith(magic):
            raise Unanswerable(
                f'"{name}" is {kind}: save its sheet as CSV and import that, for example with '
                f"soffice --headless --convert-to csv {name}"
            )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise Unanswerable(f'"{name}" is not UTF-8 (byte {fault.start}): save it again in UTF-8') from fault
    if not text:
        raise Unanswerable(f'"{name}" is empty')
    return list(StringIO(text, newline=None))


def heading_key(heading: str) -> str:
    """A heading without case and punctuation: "IP Address", "ip_address" and "ipAddress" are one."""
    return re.sub(r"[\W_]", "", heading.lower())
