"""HTTP on the loopback interface."""

import json
import secrets
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from hooks.api.times import timestamp
from kubectl_ipam.page.answers import ROWS_MAX, Answers, NotFound
from kubectl_ipam.page.guard import CONTENT_POLICY, HEADERS, PICTURE_POLICY, Refusal, admitted
from kubectl_ipam.page.reading import Reading

if TYPE_CHECKING:
    from kubectl_ipam.snapshot import Snapshot
    from kubectl_ipam.views import RangeView

LOOPBACK = "127.0.0.1"
#: A client that sends nothing more is disconnected after so many seconds.
_IDLE_SECONDS = 30
_STATIC = {
    "": ("index.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
}

#: Draws a range as SVG.
Picture = Callable[["RangeView"], str]
Query = dict[str, str]


class Reply(NamedTuple):
    """An answer.

    Attributes:
        status: HTTP status code.
        content_type: of the body.
        body: the body.
        policy: what the browser may load because of it.
    """

    status: int
    content_type: str
    body: bytes
    policy: str = CONTENT_POLICY


class Page:
    """What the server answers, without HTTP.

    Attributes:
        token: the secret part of the URL.
    """

    def __init__(self, reading: Reading, seconds: float, picture: Picture) -> None:
        """`seconds` is how often the page asks again."""
        self.token = secrets.token_urlsafe(24)
        self._reading, self._picture, self._seconds = reading, picture, seconds
        self._answers: tuple[Snapshot, Answers] | None = None
        self._routes: dict[str, Callable[[Query], Reply]] = {
            "api/source": self._source,
            "api/ranges": lambda _: _json(self._current().ranges()),
            "api/range": lambda query: _json(self._current().range(query.get("name", ""))),
            "api/rows": self._rows,
            "api/search": lambda query: _json(self._current().search(query.get("q", "").strip())),
            "map.svg": self._map,
        }

    def reply(self, path: str, query: Query) -> Reply:
        """The answer to a call that was admitted."""
        if path in _STATIC:
            name, content_type = _STATIC[path]
            return Reply(200, content_type, files("kubectl_ipam.page").joinpath("static", name).read_bytes())
        if path not in self._routes:
            return _error(404, "there is nothing here")
        try:
            return self._routes[path](query)
        except NotFound as fault:
            return _error(404, str(fault))

    def _current(self) -> Answers:
        """The answers about what is shown; they are kept as long as it is."""
        shown = self._reading.shown()
        if self._answers is None or self._answers[0] is not shown.snapshot:
            self._answers = shown.snapshot, Answers(shown.snapshot)
        return self._answers[1]

    def _source(self, query: Query) -> Reply:
        """Where and when the objects were read, and why they could not be read again, if so."""
        del query
        shown = self._reading.shown()
        source = {"origin": shown.snapshot.origin, "takenAt": timestamp(shown.snapshot.taken_at), "fault": shown.fault}
        return _json({**source, "seconds": self._seconds})

    def _rows(self, query: Query) -> Reply:
        offset, limit = _number(query, "offset", 0), _number(query, "limit", ROWS_MAX)
        kind, text = query.get("kind", ""), query.get("q", "").strip()
        return _json(self._current().rows(query.get("name", ""), offset=offset, limit=limit, kind=kind, text=text))

    def _map(self, query: Query) -> Reply:
        view = self._current().view(query.get("name", ""))
        if view.fault or view.terms.invalid_reason:
            return _error(404, "a range that is invalid has no map")
        return Reply(200, "image/svg+xml", self._picture(view).encode(), PICTURE_POLICY)


def _number(query: Query, name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default


def _json(document: Any, status: int = 200) -> Reply:
    return Reply(status, "application/json", json.dumps(document, separators=(",", ":")).encode())


def _error(status: int, message: str) -> Reply:
    return _json({"error": message}, status)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "kubectl-ipam"
    sys_version = ""
    timeout = _IDLE_SECONDS

    def __init__(self, page: Page, request: Any, address: Any, server: "Server") -> None:
        self._page, self._port = page, server.server_port
        super().__init__(request, address, server)

    def do_GET(self) -> None:
        """Answer."""
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        found = admitted(self.command, url.path, headers, self._page.token, self._port)
        if isinstance(found, Refusal):
            self._send(_error(found.status, found.message))
            return
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self._send(self._page.reply(found, query), headers.get("if-none-match", ""))

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815 (names of the base class)

    def _send(self, reply: Reply, known: str = "") -> None:
        """Send an answer; if the browser has it already, only that."""
        tag = f'"{sha256(reply.body).hexdigest()[:32]}"'
        is_known = reply.status == 200 and tag == known
        body = b"" if is_known else reply.body
        self.send_response(304 if is_known else reply.status)
        for name, value in {**HEADERS, "Content-Security-Policy": reply.policy, "ETag": tag}.items():
            self.send_header(name, value)
        if reply.status >= 400:
            self.send_header("Connection", "close")  # a body that was sent is not read
        if not is_known:
            self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name in the base class)
        """Log nothing: the path has the token."""


class Server(ThreadingHTTPServer):
    """The server of a page."""

    daemon_threads = True

    def __init__(self, page: Page, port: int) -> None:
        """Listen; port 0 is a free one. Raises OSError."""
        super().__init__((LOOPBACK, port), partial(Handler, page))
        self.url = f"http://{LOOPBACK}:{self.server_port}/{page.token}/"
