"""CSV files, as programs and spreadsheets write them."""

import csv
import re
from io import StringIO
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
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    rows: list[Row] = []
    first_line = 1  # of the row that is read next
    try:
        headings = [heading_key(cell) for cell in next(reader)]
        first_line = reader.line_num + 1
        for cells in reader:
            texts = [cell.strip() for cell in cells]
            if any(surplus := texts[len(headings) :]):
                raise Unanswerable(
                    f'"{name}" has more cells than headings in line {first_line}: "{delimiter.join(surplus)}" is below '
                    f'none. Put quotes around a cell that has "{delimiter}" in it, or add the heading'
                )
            if any(texts):
                rows.append(Row(f"{name}:{reader.line_num}", dict(zip(headings, texts, strict=False))))
            first_line = reader.line_num + 1
    except csv.Error as fault:
        advice = "shorten that cell, or close the quotes that begin there"
        raise Unanswerable(f'"{name}" is not CSV: line {first_line}: {fault}: {advice}') from fault
    return Table(frozenset(headings), rows)


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
        raise Unanswerable(f'"{name}" is not UTF-8 (byte {fault.start}): save it as CSV in UTF-8') from fault
    if not text:
        raise Unanswerable(f'"{name}" is empty')
    return list(StringIO(text, newline=None))


def heading_key(heading: str) -> str:
    """A heading without case and punctuation: "IP Address", "ip_address" and "ipAddress" are one."""
    return re.sub(r"[^a-z0-9]", "", heading.lower())
