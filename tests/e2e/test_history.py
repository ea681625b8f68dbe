"""The history of etcd is read to its end, or it is an error. These tests need no control plane."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from controlplane.audit import audit_history
from controlplane.history import END_MARK, PREFIX, Event, IncompleteHistory, read_history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.api import Obj

NET: Obj = {"metadata": {"namespace": "team", "name": "net", "uid": "net"}, "spec": {"ranges": ["10.0.0.0/24"]}}
#: The revision of the mark that ends each history.
END = 7


class Etcd(BaseHTTPRequestHandler):
    """The part of etcd that is called to read a history."""

    #: The lines of the stream of a watch, which then ends.
    streamed: list[Obj]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        answers = self.streamed if self.path.endswith("watch") else [{"header": {"revision": str(END)}}]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"".join(json.dumps(answer).encode() + b"\n" for answer in answers))

    def log_message(self, *_: Any) -> None:
        """No log."""


@pytest.fixture(name="etcd_url")
def _etcd_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Etcd) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def written(key: str, revision: int, obj: Obj | None = None) -> Obj:
    """A line of a watch: an object is created at this revision."""
    text = json.dumps(obj) if obj else ""
    encoded = {"key": b64encode(key.encode()).decode(), "value": b64encode(text.encode()).decode()}
    revisions = {"create_revision": str(revision), "mod_revision": str(revision)}
    return {"result": {"events": [{"kv": encoded | revisions}]}}


CREATED: Obj = {"result": {"created": True}}
NET_WRITTEN = written(f"{PREFIX}ipamranges/team/net", 5, NET)


def test_a_history_has_all_writes_up_to_its_end(etcd_url: str) -> None:
    Etcd.streamed = [CREATED, NET_WRITTEN, written(END_MARK, END)]

    assert list(read_history(etcd_url, 0)) == [Event(5, "ipamranges", NET, deleted=False)]


@pytest.mark.parametrize("streamed", [[], [CREATED], [CREATED, NET_WRITTEN]], ids=["nothing", "no event", "one event"])
def test_a_stream_that_ends_too_early_passes_no_audit(etcd_url: str, streamed: list[Obj]) -> None:
    Etcd.streamed = streamed

    with pytest.raises(IncompleteHistory, match="ended the watch after revision 0 before its last event, revision 7"):
        audit_history(read_history(etcd_url, 0))
