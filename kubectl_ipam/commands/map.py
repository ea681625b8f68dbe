"""`kubectl ipam map`: the picture of a range alone."""

import argparse
from pathlib import Path

from kubectl_ipam.call import Call
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.options import add_source_arguments
from kubectl_ipam.output.rowmap import print_map
from kubectl_ipam.output.svg import html_of, svg_of
from kubectl_ipam.views import RangeView

DESCRIPTION = "Draw the addresses of a range: what is free, held, reserved, retired."
EPILOG = """\
examples:
  kubectl ipam map net                        on the terminal, a line for each aligned prefix
  kubectl ipam map net --cell /24             with cells of /24
  kubectl ipam map net --mark team-a/web      with the block of a request highlighted
  kubectl ipam map net --svg net.svg          as a picture; on a Hilbert curve if it has more than 256 cells
  kubectl ipam map net --html net.html        as a page, with a table of the holders; for a ticket or a CI artefact

exit code: 0; 1 if there is no such range; 2 if the source can't be read.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("range", metavar="RANGE", help="a range: NAME or NAMESPACE/NAME")
    parser.add_argument("--cell", metavar="/LENGTH", type=cell_length, help="prefix length of one cell")
    parser.add_argument("--mark", metavar="REQUEST", help="highlight the block of a request: NAME or NAMESPACE/NAME")
    parser.add_argument("--svg", metavar="FILE", help="write a picture to a file; - for standard output")
    parser.add_argument("--html", metavar="FILE", help="write a page to a file; - for standard output")
    parser.add_argument(
        "--hilbert",
        action=argparse.BooleanOptionalAction,
        help="lay out the picture on a Hilbert curve, or in rows (default: by the number of cells)",
    )
    add_source_arguments(parser)


def cell_length(text: str) -> int:
    """A prefix length such as /24."""
    digits = text.removeprefix("/")
    if not (digits.isascii() and digits.isdigit() and int(digits) <= 128):
        raise argparse.ArgumentTypeError(f'"{text}" is not a prefix length, such as /24')
    return int(digits)


def run(call: Call) -> int:
    """Draw the range."""
    snapshot = call.read()
    view = RangeView(snapshot, call.range_called(snapshot, call.options.range))
    check_drawable(view)
    check_cell(view, call.options.cell)
    marked = str(call.name_of(call.options.mark)) if call.options.mark else ""
    if marked and not any(piece.holder == marked for piece in view.pieces):
        raise Unanswerable(f"--mark {marked} holds no block of {view.name}: see kubectl ipam show {view.name}", 1)
    for file, picture in ((call.options.svg, svg_of), (call.options.html, html_of)):
        if file:
            _write(call, file, picture(view, hilbert=call.options.hilbert, marked=marked))
    if not (call.options.svg or call.options.html):
        print_map(call.screen, view, call.options.cell, marked)
    return 0


def _write(call: Call, file: str, text: str) -> None:
    """Raises Unanswerable if the file can't be written."""
    if file == "-":
        call.out.write(text)
        return
    try:
        Path(file).write_text(text)
    except OSError as error:
        raise Unanswerable(f'"{file}" can\'t be written: {error.strerror}') from error
    call.note(f"wrote {file}")


def check_drawable(view: RangeView) -> None:
    """Raises Unanswerable if there is nothing to draw."""
    if view.fault or view.terms.invalid_reason:
        reason = view.fault or view.terms.invalid_reason
        raise Unanswerable(f"range {view.name} can't be drawn: {reason}. See what is wrong: kubectl ipam check", 1)


#: The most cells of a map that a user asks for.
_CELLS_MAX = 1 << 16


def check_cell(view: RangeView, length: int | None) -> None:
    """Raises Unanswerable if cells of this length can't be drawn."""
    if length is None:
        return
    bits = view.family.bits
    if length > bits:
        raise Unanswerable(f"--cell /{length}: {view.family.name} prefix lengths are 0..{bits}")
    shown = view.addresses.address_count >> (bits - length)
    if shown > _CELLS_MAX:
        finest = length - (-(-shown // _CELLS_MAX) - 1).bit_length()
        raise Unanswerable(f"--cell /{length} makes {shown} cells of range {view.name}: try --cell /{finest}")
