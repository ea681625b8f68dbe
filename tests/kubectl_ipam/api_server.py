"""An API server with a few objects, and a kubeconfig that names it."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

from kubectl_ipam.resources import IPAM

Document = dict[str, Any]


class Server(BaseHTTPRequestHandler):
    """An API server with a few objects, which answers lists and one watch."""

    objects: ClassVar[list[Document]] = []
    forbidden: ClassVar[set[str]] = set()
    events: ClassVar[list[Document]] = []

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path in self.forbidden:
            self._answer(403, {"message": f"{path} is forbidden"})
        elif "watch=1" in query:
            self.send_response(200)
            self.end_headers()
            self.wfile.writelines(json.dumps(event).encode() + b"\n" for event in self.events)
            self.events.clear()
        else:
            self._list(path)

    def _list(self, path: str) -> None:
        parts = path.split("/")
        namespace = parts[parts.index("namespaces") + 1] if "namespaces" in parts[:-1] else None
        kinds = {each.plural: each.kind for each in IPAM}
        if parts[-1] not in kinds:
            self._answer(404, {"message": "not found"})
            return
        found = [each for each in self.objects if each["kind"] == kinds[parts[-1]]]
        found = [each for each in found if namespace in (None, each["metadata"].get("namespace"))]
        if parts[-1] == "namespaces":  # as an API server lists built-in kinds
            found = [
                {name: value for name, value in each.items() if name not in ("kind", "apiVersion")} for each in found
            ]
        self._answer(200, {"kind": "List", "metadata": {"resourceVersion": "7"}, "items": found})

    def _answer(self, status: int, body: Document) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


def config_of(url: str, **user: object) -> Document:
    return {
        "current-context": "test",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u", "namespace": "infra"}}],
        "users": [{"name": "u", "user": {"token": "secret", **user}}],
    }
