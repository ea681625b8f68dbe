"""What the page asks for, as plain data, computed once for each snapshot."""

from collections.abc import Iterator
from functools import cached_property
from threading import RLock
from typing import Any

from hooks.api.times import timestamp
from kubectl_ipam.documents import allocated_count, held_since, range_document, request_document, wanted
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.lookup import lookup, matching_requests, read_block, uncovered
from kubectl_ipam.objects import Request
from kubectl_ipam.output.words import percent, span
from kubectl_ipam.snapshot import Snapshot
from kubectl_ipam.views import Piece, RangeView, State

Document = dict[str, Any]
#: The most rows of an answer.
ROWS_MAX = 500
#: The most waiting requests on the first page, and the most hits of a search.
WAITING_SHOWN_MAX = 50
HITS_MAX = 200


class NotFound(Exception):
    """What was asked for does not exist; the message says what does."""


class Answers:
    """The answers about one snapshot. Calls may come from several threads."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._lock = RLock()
        self._rows: dict[str, list[Document]] = {}

    def ranges(self) -> Document:
        """All ranges, and the requests that wait longest."""
        with self._lock:
            waiting = [row for view in self._views.values() if _is_readable(view) for row in self._waiting(view)]
            waiting.sort(key=lambda row: str(row["since"]))
            return {
                "ranges": [_with_share(view) for view in self._views.values()],
                "waiting": waiting[:WAITING_SHOWN_MAX],
                "waitingCount": len(waiting),
            }

    def range(self, name: str) -> Document:
        """One range in numbers. Raises NotFound."""
        with self._lock:
            return _with_share(self.view(name))

    def rows(self, name: str, *, offset: int, limit: int, kind: str, text: str) -> Document:
        """Some rows of the table of a range: requests that wait, the oldest first, and blocks in order of addresses.

        Args:
            name: the range, as "namespace/name".
            offset: of the first row.
            limit: their number.
            kind: "waiting", "held", "other", or "" for all.
            text: only rows that contain it.

        Raises:
            NotFound: if there is no such range.
        """
        with self._lock:
            found = self._rows_of(self.view(name))
            if kind:
                found = [row for row in found if row["kind"] == kind]
            if text:
                found = [row for row in found if text.lower() in _searched(row)]
            return {"total": len(found), "offset": offset, "rows": found[offset : offset + min(limit, ROWS_MAX)]}

    def search(self, text: str) -> Document:
        """What an address, a block or a text leads to. A text that is meant as an address but is none is a fault."""
        with self._lock:
            try:
                block = read_block(text)
            except Unanswerable as fault:
                return {"text": text, "fault": str(fault)}
            if block is None:
                hits = matching_requests(self._snapshot, text)
                return {
                    "text": text,
                    "count": len(hits),
                    "requests": [request_document(each) for each in hits[:HITS_MAX]],
                }
            result = lookup(list(self._views.values()), block)
            outside = [span(each.first, each.last, block.family) for each in uncovered(result.found, block).intervals]
            blocks = [
                {**_piece_row(each.piece, each.view), "range": str(each.view.name), "why": each.why}
                for each in result.found[:HITS_MAX]
            ]
            return {
                "text": str(block), "count": len(result.found), "blocks": blocks, "outside": outside,
                "neighbours": result.neighbours,
            }  # fmt: skip

    def view(self, name: str) -> RangeView:
        """A range. Raises NotFound."""
        if name not in self._views:
            raise NotFound(f'there is no range "{name}" (any more)')
        return self._views[name]

    @cached_property
    def _views(self) -> dict[str, RangeView]:
        return {key: RangeView(self._snapshot, each) for key, each in sorted(self._snapshot.ranges.items())}

    def _rows_of(self, view: RangeView) -> list[Document]:
        name = str(view.name)
        if name not in self._rows:
            self._rows[name] = [*self._waiting(view), *_block_rows(view)] if _is_readable(view) else []
        return self._rows[name]

    def _waiting(self, view: RangeView) -> Iterator[Document]:
        for request in view.waiting:
            yield _waiting_row(request, view)


def _is_readable(view: RangeView) -> bool:
    return not (view.fault or view.terms.invalid_reason)


def _with_share(view: RangeView) -> Document:
    """A range in numbers, and the share of it that is in use, from 0 to 1."""
    document = range_document(view)
    decision = None if view.fault else view.decision
    if decision is not None:
        used = allocated_count(view)
        document |= {"share": round(used / decision.total_count, 4), "used": percent(used, decision.total_count)}
    return document


def _waiting_row(request: Request, view: RangeView) -> Document:
    meta = request.metadata
    return {
        "kind": "waiting",
        "addresses": wanted(request) or f"/{view.terms.default_length}",
        "request": str(meta.namespaced_name),
        "range": str(view.name),
        "state": request.status.state or "Pending",
        "since": timestamp(meta.creation_timestamp),
        "why": view.refusal_of(request) or request.status.message,
    }


def _block_rows(view: RangeView) -> Iterator[Document]:
    """The blocks of a range that are not free, in order of addresses."""
    return (_piece_row(piece, view) for piece in view.pieces if piece.state is not State.FREE)


def _piece_row(piece: Piece, view: RangeView) -> Document:
    entry = view.entry_of(piece)
    request = view.request_of(entry) if entry else None
    since = held_since(request) if request else None
    fault = view.holder_fault(entry) if entry else ""
    return {
        "kind": "held" if entry else "other",
        "addresses": span(piece.first, piece.last, view.family),
        "request": piece.holder,
        "state": str(piece.state),
        "since": timestamp(since) if since else "",
        "why": f"its request {fault}" if fault else "" if entry else piece.fate,
    }


def _searched(row: Document) -> str:
    return f"{row['addresses']}\n{row['request']}\n{row['state']}\n{row['why']}".lower()
