"""A watch: one line for each change of a shown object, as `kubectl get -w --output-watch-events` prints it.

Columns are as wide as the widest cell so far, because later lines are not known yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.kubectl.tables import GAP, Layout, header, row

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.kubernetes.resources import Resource
    from simulator.kubernetes.store import Store


class Watch:
    """Prints the events of some kinds."""

    def __init__(
        self,
        store: Store,
        resources: list[Resource],
        layout: Layout,
        namespace: str | None,
        write: Callable[[str], None],
    ) -> None:
        """`namespace` limits the watch to one; `write` takes whole lines."""
        self._store = store
        self._layout = layout
        self._namespace = namespace
        self._write = write
        self._read = {resource: len(store.log(resource)) for resource in resources}
        self._widths: dict[Resource, list[int]] = {}

    def show(self) -> None:
        """Print the events since the last call."""
        for resource in self._read:
            log = self._store.log(resource)
            for event in log[self._read[resource] :]:
                if self._namespace in {None, event.obj["metadata"].get("namespace")}:
                    cells = row(resource, event.obj, self._layout, self._store.clock.now())
                    self._line(resource, [event.type, *cells])
            self._read[resource] = len(log)

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
