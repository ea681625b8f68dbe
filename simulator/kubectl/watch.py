"""A watch: one line for each change of a shown row, in the form of `kubectl get -w --output-watch-events`.

kubectl also prints a line if something changes that no column shows, such as an annotation.

Columns are as wide as the widest cell so far, because later lines are not known yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.kubectl.tables import GAP, Layout, header, row
from simulator.kubernetes.clock import parse_rfc3339
from simulator.kubernetes.objects import key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.kubernetes.objects import Key, Obj
    from simulator.kubernetes.resources import Resource
    from simulator.kubernetes.storage import Event
    from simulator.kubernetes.store import Store


class Watch:
    """Prints the events of some kinds."""

    def __init__(
        self,
        store: Store,
        resources: list[Resource],
        layout: Layout,
        is_shown: Callable[[Obj], bool],
        write: Callable[[str], None],
    ) -> None:
        """`is_shown` limits the watch to some objects; `write` takes whole lines."""
        self._store = store
        self._layout = layout
        self._is_shown = is_shown
        self._write = write
        self._read = {resource: len(store.log(resource)) for resource in resources}
        self._widths: dict[Resource, list[int]] = {}
        #: The last line of each object, without ages.
        self._printed: dict[tuple[Resource, Key], list[str]] = {}

    def show(self) -> None:
        """Print the events since the last call, except those that change nothing in a row."""
        for resource in self._read:
            log = self._store.log(resource)
            for event in log[self._read[resource] :]:
                if self._is_shown(event.obj) and self._is_news(resource, event):
                    cells = row(resource, event.obj, self._layout, self._store.clock.now())
                    self._line(resource, [event.type, *cells])
            self._read[resource] = len(log)

    def _is_news(self, resource: Resource, event: Event) -> bool:
        """Whether an event is the first one of an object, the last one, or changes its row."""
        key = resource, key_of(event.obj)
        ageless = row(resource, event.obj, self._layout, parse_rfc3339(event.obj["metadata"]["creationTimestamp"]))
        before = self._printed.get(key)
        self._printed[key] = ageless
        return event.type != "MODIFIED" or ageless != before

    def _line(self, resource: Resource, cells: list[str]) -> None:
        if resource not in self._widths:
            titles = ["EVENT", *header(resource, self._layout)]
            pairs = zip(titles, cells, strict=True)
            self._widths[resource] = [max(len(title), len(cell), len("MODIFIED")) for title, cell in pairs]
            self._print(resource, titles)
        self._print(resource, cells)

    def _print(self, resource: Resource, cells: list[str]) -> None:
        pairs = zip(self._widths[resource], cells, strict=True)
        self._widths[resource] = [max(width, len(cell)) for width, cell in pairs]
        padded = (cell.ljust(width + GAP) for cell, width in zip(cells, self._widths[resource], strict=True))
        self._write("".join(padded).rstrip())
