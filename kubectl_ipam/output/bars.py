"""Bars that show the share of a range that is in use."""

from rich.text import Text

from kubectl_ipam.output.console import Screen

WIDTH = 12
_EIGHTHS = " ▏▎▍▌▋▊▉█"
#: From this share on a bar is yellow, and red.
_WARN, _FULL = 0.75, 0.95


def bar(used: float, screen: Screen) -> Text:
    """A bar for a share from 0 to 1; without block characters, of hashes and dots."""
    used = min(max(used, 0.0), 1.0)
    if screen.is_plain:
        full = round(used * WIDTH)
        return Text(f"[{'#' * full}{'.' * (WIDTH - full)}]")
    eighths = round(used * WIDTH * 8)
    if used and not eighths:
        eighths = 1
    full, rest = divmod(eighths, 8)
    cells = "█" * full + (_EIGHTHS[rest] if rest else "")
    return Text(f"{cells:<{WIDTH}}", style=f"{_colour(used)} on grey23")


def _colour(used: float) -> str:
    return "red" if used >= _FULL else "yellow" if used >= _WARN else "green"
