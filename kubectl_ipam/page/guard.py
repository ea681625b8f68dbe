"""Which calls are answered: those of the page itself, and none of another site's.

The server listens on the loopback interface, where each program of this machine and each page in a browser can reach
it. So a call must

    name the server by its loopback address (a page whose host name was bound to 127.0.0.1 afterwards does not),
    have the token that only the printed URL contains, at the start of its path,
    not come from another site, as far as the browser says, unless a user follows a link,
    and ask for reading.
"""

from collections.abc import Mapping
from hmac import compare_digest
from typing import NamedTuple

#: Nothing but what the server itself sends may be loaded or sent to; pictures may have styles of their own.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_HOSTS = ("127.0.0.1", "localhost")
_OWN_SITES = ("same-origin", "none")


class Refusal(NamedTuple):
    """Why a call is not answered.

    Attributes:
        status: HTTP status code.
        message: what to do instead.
    """

    status: int
    message: str


def admitted(method: str, path: str, headers: Mapping[str, str], token: str, port: int) -> str | Refusal:
    """The path behind the token, without a slash at its start, of a call that is answered; or why it is not.

    Args:
        method: HTTP method.
        path: without a query.
        headers: by name in lower case.
        token: that of this server.
        port: where it listens.
    """
    if headers.get("host", "") not in [f"{host}:{port}" for host in _HOSTS]:
        address = f"http://127.0.0.1:{port}"
        return Refusal(421, f"this server is called {address}: use the URL that kubectl ipam serve printed")
    if headers.get("sec-fetch-site", "none") not in _OWN_SITES and not _is_link(headers):
        return Refusal(403, "this page answers no other site")
    own, slash, rest = path.removeprefix("/").partition("/")
    if not compare_digest(own.encode(errors="replace"), token.encode()):
        return Refusal(404, "there is nothing here: use the URL that kubectl ipam serve printed")
    if method not in ("GET", "HEAD"):
        return Refusal(405, f"{method} is not allowed: this page only reads")
    return rest if slash else Refusal(404, "the URL ends with a slash")


def _is_link(headers: Mapping[str, str]) -> bool:
    """Whether a user opens the page itself, such as from a terminal in a browser."""
    return (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
