"""What each state looks like: a symbol without colour, colours that stay distinct for the colour-blind, and a hatching.

The colours are those of Okabe and Ito (jfly.uni-koeln.de/color), which stay distinct in all common kinds of
colour-blindness. Hatchings repeat the difference for prints without colour.
"""

from typing import NamedTuple

from kubectl_ipam.views import State


class Look(NamedTuple):
    """How a state is shown.

    Attributes:
        symbol: one character; of mixed cells, see `SHADES`.
        ascii_symbol: the same in ASCII.
        colour: as `#rrggbb`, on a light or dark background.
        hatching: the name of its lines in a picture; "" for none.
        label: the state in a legend.
    """

    symbol: str
    ascii_symbol: str
    colour: str
    hatching: str
    label: str


LOOKS: dict[State, Look] = {
    State.FREE: Look("·", ".", "", "", "free"),
    State.HELD: Look("█", "#", "#0072b2", "", "held"),
    State.COOLING: Look("~", "~", "#e69f00", "rising", "cooling down after a release"),
    State.RESERVED: Look("r", "r", "#56b4e9", "dots", "reserved for a holder"),
    State.RETIRED: Look("x", "x", "#808080", "crossed", "retired: excluded, a gateway, or closed"),
    State.RETIRED_HELD: Look("X", "X", "#cc79a7", "falling", "retired, but still held"),
    State.OLDER: Look("o", "o", "#f0e442", "level", "allocated by an older range"),
    State.UNANNOUNCED: Look("?", "?", "#009e73", "upright", "not announced yet"),
}
#: The block of the request that is asked for.
MARKED = Look("@", "@", "#d55e00", "", "the request that was asked for")
#: Symbols of cells of which a part is held, by share: up to a third, two thirds, less than all.
SHADES, ASCII_SHADES = "░▒▓", ":+%"
#: The colour of free addresses on a terminal, and how colours of mixed cells approach it.
FREE_COLOUR = "#303030"


def shade(share: float, *, is_plain: bool) -> str:
    """The symbol of a cell of which this share, between 0 and 1, is held."""
    shades = ASCII_SHADES if is_plain else SHADES
    return shades[min(int(share * 3), 2)]


def blended(colour: str, share: float) -> str:
    """A colour that approaches that of free addresses the smaller the share is; never so far that it vanishes."""
    weight = 0.35 + 0.65 * share
    pairs = zip(_channels(colour), _channels(FREE_COLOUR), strict=True)
    return "#" + "".join(f"{round(one * weight + other * (1 - weight)):02x}" for one, other in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
