"""Pictures of a range: one SVG file, or one HTML page, that needs nothing else.

Every block has a title, which browsers show when the pointer is over it. Light and dark follow the settings of the
reader. No script is needed.
"""

from collections import Counter
from collections.abc import Iterator
from html import escape

from kubectl_ipam.output.palette import LOOKS, MARKED, Look
from kubectl_ipam.output.shapes import SIDE, Drawing, Shape, drawing_of
from kubectl_ipam.output.words import count, span
from kubectl_ipam.views import Piece, RangeView, State

_MARGIN = 24.0
_HEAD = 92.0
_LEGEND_LINE = 30.0
#: A label needs this many units for each character, and this height.
_CHARACTER, _LINE = 9.1, 20.0
_GAP = 1.0

_PATTERNS = {
    "rising": '<path d="M0 10 10 0M-2 2 2-2M8 12 12 8"/>',
    "falling": '<path d="M0 0 10 10M-2 8 2 12M8-2 12 2"/>',
    "crossed": '<path d="M0 0 10 10M0 10 10 0"/>',
    "level": '<path d="M0 5H10"/>',
    "upright": '<path d="M5 0V10"/>',
    "dots": '<circle cx="5" cy="5" r="1.6"/>',
}
_CSS = """\
:root{color-scheme:light dark}
svg{--paper:#fff;--ink:#1b1b1b;--faint:#6a6a6a;--free:#e9edf1;--edge:#fff;
 font:15px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
@media (prefers-color-scheme:dark){svg{--paper:#15181c;--ink:#eceff1;--faint:#9aa3ab;--free:#2a3138;--edge:#15181c}}
.paper{fill:var(--paper)}text{fill:var(--ink)}.faint{fill:var(--faint)}.title{font-size:24px;font-weight:600}
.free{fill:var(--free)}.on,.over{pointer-events:none;paint-order:stroke;stroke-width:4}
.on{fill:#fff;stroke:#0007}.on.dark{fill:#111;stroke:#fff9}
.b{stroke:var(--edge);stroke-width:.6}.b:hover{stroke:var(--ink);stroke-width:2.5}
pattern path,pattern circle{stroke:#0009;stroke-width:1.4;fill:none}pattern circle{fill:#0009;stroke:none}
"""
#: Colours on which dark text is easier to read.
_LIGHT = {"#e69f00", "#56b4e9", "#f0e442", "#cc79a7"}


def svg_of(view: RangeView, *, hilbert: bool | None = None, marked: str = "") -> str:
    """The picture of a range as the text of an SVG file.

    Args:
        view: the range; it must have addresses.
        hilbert: whether it is laid out on a Hilbert curve; None for what suits its size.
        marked: "namespace/name" of a request whose block is highlighted.
    """
    drawing = drawing_of(view, hilbert=hilbert)
    states = [state for state in LOOKS if any(piece.state is state for piece in view.pieces)]
    left = _MARGIN + max((len(each.text) * _CHARACTER + 24 for each in drawing.labels), default=0.0)
    width = left + SIDE + _MARGIN
    height = _HEAD + drawing.height + _MARGIN + _LEGEND_LINE * (len(states) + 1 + bool(marked)) + _MARGIN
    size, summary = f"0 0 {width:g} {height:g}", escape(_summary(view))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" role="img" aria-label="{summary}">',
        f"<style>{_CSS}</style>",
        f"<defs>{''.join(_definitions(states))}</defs>",
        f'<rect class="paper" width="{width:g}" height="{height:g}"/>',
        *_head(view),
        f'<g transform="translate({left:g} {_HEAD:g})">',
        *(_label(each.y, each.text) for each in drawing.labels),
        *(text for shape in drawing.shapes for text in _shape(shape, view, marked)),
        "</g>",
        *_legend(view, drawing, states, bool(marked)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def html_of(view: RangeView, *, hilbert: bool | None = None, marked: str = "") -> str:
    """The same picture as a page, with a table of the holders below."""
    rows = "".join(_table_row(piece, view) for piece in view.pieces if piece.holder)
    title = escape(f"IPAMRange {view.name}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<style>{_PAGE_CSS}</style></head>\n<body><main>\n{svg_of(view, hilbert=hilbert, marked=marked)}"
        f"<h2>Holders</h2>\n<table><thead><tr><th>Addresses<th>State<th>Holder</thead><tbody>{rows}</tbody></table>\n"
        "</main></body></html>\n"
    )


_PAGE_CSS = """\
:root{color-scheme:light dark}body{margin:0;background:Canvas;color:CanvasText;font:15px/1.5 system-ui,sans-serif}
main{max-width:1100px;margin:auto;padding:16px}svg{width:100%;height:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:4px 12px 4px 0;border-bottom:1px solid #8884}
td:first-child{font-family:ui-monospace,monospace}
"""


def _table_row(piece: Piece, view: RangeView) -> str:
    addresses = span(piece.first, piece.last, view.family)
    return f"<tr><td>{addresses}<td>{piece.state}<td>{escape(piece.holder)}\n"


def _summary(view: RangeView) -> str:
    held = sum(1 for piece in view.pieces if piece.state is State.HELD)
    return f"IPAMRange {view.name}: {count(held, 'block')} held"


def _head(view: RangeView) -> Iterator[str]:
    addresses = ", ".join(span(each.first, each.last, view.family) for each in view.addresses.intervals[:4])
    more = len(view.addresses.intervals) - 4
    yield f'<text class="title" x="{_MARGIN:g}" y="46">{escape(str(view.name))}</text>'
    text = f"{addresses}{f' and {more} more' if more > 0 else ''}"
    yield f'<text class="faint" x="{_MARGIN:g}" y="74">{escape(text)}</text>'


def _definitions(states: list[State]) -> Iterator[str]:
    for state in states:
        look = LOOKS[state]
        if look.hatching:
            yield (
                f'<pattern id="{look.hatching}" width="10" height="10" patternUnits="userSpaceOnUse">'
                f"{_PATTERNS[look.hatching]}</pattern>"
            )


def _label(y: float, text: str) -> str:
    return f'<text class="faint" x="-12" y="{y + SIDE / 32 + 5:g}" text-anchor="end">{escape(text)}</text>'


def _shape(shape: Shape, view: RangeView, marked: str) -> Iterator[str]:
    look = MARKED if marked and shape.piece.holder == marked else LOOKS[shape.piece.state]
    place = (
        f'x="{shape.x + _GAP / 2:g}" y="{shape.y + _GAP / 2:g}" width="{max(shape.width - _GAP, 0.5):g}" '
        f'height="{max(shape.height - _GAP, 0.5):g}"'
    )
    title = escape(_title(shape, view))
    yield f"<rect {place} {_fill(look)}><title>{title}</title></rect>"
    if look.hatching and min(shape.width, shape.height) > 5:
        yield f'<rect {place} fill="url(#{look.hatching})" pointer-events="none"/>'
    yield from _texts(shape, view, look)


def _fill(look: Look) -> str:
    return f'class="b" fill="{look.colour}"' if look.colour else 'class="b free"'


def _title(shape: Shape, view: RangeView) -> str:
    piece = shape.piece
    return f"{span(piece.first, piece.last, view.family)} {piece.fate or 'is free'}"


def _texts(shape: Shape, view: RangeView, look: Look) -> Iterator[str]:
    """The addresses and the holder, where they fit."""
    lines = [span(shape.first, shape.last, view.family)]
    lines += [shape.piece.holder.rpartition("/")[2]] if shape.piece.holder else []
    lines = [line for line in lines if len(line) * _CHARACTER < shape.width - 6]
    lines = lines[: int(shape.height // _LINE)]
    style = "faint over" if not look.colour else "on dark" if look.colour in _LIGHT else "on"
    for number, line in enumerate(lines):
        y = shape.y + shape.height / 2 + 5 + (number - (len(lines) - 1) / 2) * _LINE
        x = shape.x + shape.width / 2
        yield f'<text class="{style}" x="{x:g}" y="{y:g}" text-anchor="middle">{escape(line)}</text>'


def _legend(view: RangeView, drawing: Drawing, states: list[State], is_marked: bool) -> Iterator[str]:
    counts = Counter[State]()
    for piece in view.pieces:
        counts[piece.state] += piece.address_count
    y = _HEAD + drawing.height + _MARGIN + 8
    entries = [(LOOKS[state], f"{LOOKS[state].label}: {count(counts[state], 'address')}") for state in states]
    entries += [(MARKED, MARKED.label)] if is_marked else []
    for number, (look, text) in enumerate(entries):
        top = y + number * _LEGEND_LINE
        yield f'<rect x="{_MARGIN:g}" y="{top:g}" width="22" height="22" {_fill(look)}/>'
        if look.hatching:
            yield f'<rect x="{_MARGIN:g}" y="{top:g}" width="22" height="22" fill="url(#{look.hatching})"/>'
        yield f'<text x="{_MARGIN + 34:g}" y="{top + 17:g}">{escape(text)}</text>'
    note = f"{drawing.note}; the hover text of a block names its holder"
    yield f'<text class="faint" x="{_MARGIN:g}" y="{y + len(entries) * _LEGEND_LINE + 17:g}">{escape(note)}</text>'
