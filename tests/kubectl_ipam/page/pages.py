"""Pages of clusters in a box, and of a large one, served on a free port of the loopback interface."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.client import HTTPConnection
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from kubectl_ipam.page.reading import Reading
from kubectl_ipam.page.server import Page, Server
from kubectl_ipam.snapshot import Snapshot
from kubectl_ipam.views import RangeView
from tests.kubectl_ipam.clusters import cluster_of, range_, request

PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 4"><title>Map</title><rect width="9" height="4"/></svg>'
)


def drawn(view: RangeView) -> str:
    """Stands for the map of a range."""
    return PICTURE.replace("Map", f"Map of {view.name}")


@contextmanager
def served(snapshots: list[Snapshot]) -> Iterator[Server]:
    """A server that shows one snapshot after the other, at each reading the next; the last one stays."""
    left = list(snapshots)

    def read() -> Snapshot:
        return left.pop(0) if len(left) > 1 else left[0]

    with Server(Page(Reading(read(), read, 0.0), 1.0, drawn), 0) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Answer(NamedTuple):
    """What a server answers."""

    status: int
    headers: Message
    body: bytes


def asked(server: Server, path: str, method: str = "GET", **headers: str) -> Answer:
    """The answer to a call of a path behind the token; of one that begins with a slash, as it is."""
    url = urlsplit(server.url)
    connection = HTTPConnection(url.hostname or "", url.port, timeout=10)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path if path.startswith("/") else url.path + path, headers=sent)
    response = connection.getresponse()
    answer = Answer(response.status, response.headers, response.read())
    connection.close()
    return answer


def mixed_cluster() -> list[dict[str, Any]]:
    """Objects of a cluster in which blocks are held, retired and cool down, and requests wait."""
    box = cluster_of(
        range_("net", "10.0.0.0/26", chunkSize=28, excludes=["10.0.0.0/28"]),
        range_("hosts", "2001:db8::/64", network={"prefixLength": 64, "gateway": "2001:db8::1"}),
        range_("cool", "10.7.0.0/24", chunkSize=26, cooldownSeconds=3600),
        *(request(f"r{number}") for number in range(6)),
        request("host", "hosts"),
        request("gone", "cool"),
    )
    assert box.delete([request("gone", "cool")]) == []
    return box.objects()
