"""A small client of the API server, faster than kubectl.

It has one class for calls and watches, and one function for kubectl. Each thread has its own session, so that racing
writers can share a client.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GROUP = "ipam.mandelsoft.org"
GROUP_PATH = f"/apis/{GROUP}/v1alpha1"
RANGES, REQUESTS, SLICES, EXTENTS = "ipamranges", "ipamrequests", "ipamallocationslices", "ipamextents"
KINDS = {"IPAMRange": RANGES, "IPAMRequest": REQUESTS, "IPAMAllocationSlice": SLICES, "IPAMExtent": EXTENTS}

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

#: What must be written to a range that holds blocks before it is deleted.
ALLOW_DELETION = {"metadata": {"annotations": {"ipam.mandelsoft.org/allow-deletion": "true"}}}

#: HTTP codes of calls during a restart of the API server or etcd.
TRANSIENT_STATUS = frozenset({429, 500, 502, 503, 504})

Obj = dict[str, Any]


class Refused(Exception):
    """The API server answered a call with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


@dataclass
class Api:
    """An API server and a user of it."""

    url: str
    token: str
    ca_file: Path
    timeout_seconds: float = 30.0
    impersonated: str = ""
    _local: threading.local = field(default_factory=threading.local, repr=False)

    def impersonating(self, user: str) -> Api:
        """The same API server with another user."""
        return replace(self, impersonated=user, _local=threading.local())

    def call(
        self, verb: str, path: str, body: object = None, *, kind: str = JSON, accept: str = JSON, **query: str
    ) -> requests.Response:
        """Makes one HTTP call, whatever its outcome; `kind` is the type of the body."""
        return self._session().request(
            verb,
            self.url + path,
            params=query,
            data=None if body is None else json.dumps(body, separators=(",", ":")),
            headers={"Content-Type": kind, "Accept": accept},
            timeout=self.timeout_seconds,
        )

    def ask(self, verb: str, path: str, body: object = None, *, kind: str = JSON, **query: str) -> Obj:
        """Makes a call that is expected to succeed; returns the object of the answer.

        Raises:
            Refused: the API server answered with an error.
        """
        answer = self.call(verb, path, body, kind=kind, **query)
        if answer.ok:
            return dict(answer.json())
        raise Refused(answer.status_code, _message(answer))

    def ask_patiently(self, verb: str, path: str, body: object = None, *, seconds: float = 60.0, **query: str) -> Obj:
        """Like `ask`, with retries while the API server or etcd is unavailable."""
        end = time.monotonic() + seconds
        while True:
            try:
                return self.ask(verb, path, body, **query)
            except (requests.ConnectionError, requests.Timeout):
                if time.monotonic() > end:
                    raise
            except Refused as refusal:
                if refusal.status not in TRANSIENT_STATUS or time.monotonic() > end:
                    raise
            time.sleep(0.1)

    def create(self, obj: Obj, **query: str) -> Obj:
        """Creates an object of ours, or a namespace."""
        return self.ask("POST", collection_path(obj), obj, **query)

    def get(self, resource: str, namespace: str, name: str) -> Obj:
        """One object of ours."""
        return self.ask_patiently("GET", object_path(resource, namespace, name))

    def find(self, resource: str, namespace: str, name: str) -> Obj | None:
        """One object of ours, or None."""
        try:
            return self.get(resource, namespace, name)
        except Refused as refusal:
            if refusal.status == 404:
                return None
            raise

    def list(self, resource: str, namespace: str | None = None) -> list[Obj]:
        """All objects of a resource of ours, in one namespace or in all."""
        return list(self.ask_patiently("GET", objects_path(resource, namespace))["items"])

    def delete(self, resource: str, namespace: str, name: str) -> None:
        """Deletes an object, which may still wait for its finalizers; a range in use, too."""
        if resource == RANGES:
            self.ask_patiently("PATCH", object_path(resource, namespace, name), ALLOW_DELETION, kind=MERGE_PATCH)
        self.ask_patiently("DELETE", object_path(resource, namespace, name))

    def patch(self, resource: str, namespace: str, name: str, patch: Obj, *, sub: str = "") -> Obj:
        """Applies a merge patch to an object, or to its subresource `/status`."""
        return self.ask("PATCH", object_path(resource, namespace, name) + sub, patch, kind=MERGE_PATCH)

    def put_status(self, obj: Obj, **query: str) -> Obj:
        """Writes the status of an object, whose resourceVersion must be the stored one."""
        meta = obj["metadata"]
        path = object_path(KINDS[obj["kind"]], meta["namespace"], meta["name"])
        return self.ask("PUT", f"{path}/status", obj, **query)

    def watch(self, path: str, version: str, *, seconds: int = 300) -> Iterator[tuple[str, Obj]]:
        """Events after that resource version, until the server or the timeout ends the watch.

        Raises:
            Refused: that version is too old (410).
        """
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(seconds)}
        with self._session().get(self.url + path, params=query, stream=True, timeout=(5, seconds + 5)) as answer:
            if not answer.ok:
                raise Refused(answer.status_code, _message(answer))
            for line in lines(answer):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise Refused(int(event["object"].get("code", 500)), str(event["object"].get("message")))
                yield event["type"], event["object"]

    def _session(self) -> requests.Session:
        session = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.verify = str(self.ca_file)
            session.headers["Authorization"] = f"Bearer {self.token}"
            if self.impersonated:
                session.headers["Impersonate-User"] = self.impersonated
            session.mount("https://", HTTPAdapter(pool_connections=1, pool_maxsize=1))
            self._local.session = session
        return session


def lines(answer: requests.Response) -> Iterator[bytes]:
    """Lines of a stream as they arrive; unlike `iter_lines`, this is fast on lines of megabytes."""
    parts: list[bytes] = []
    for chunk in answer.iter_content(chunk_size=None):
        first, *rest = chunk.split(b"\n")
        parts.append(first)
        for part in rest:
            yield b"".join(parts)
            parts = [part]


def objects_path(resource: str, namespace: str | None = None) -> str:
    """Path of all objects of a resource of ours, in one namespace or in all."""
    return f"{GROUP_PATH}/{resource}" if namespace is None else f"{GROUP_PATH}/namespaces/{namespace}/{resource}"


def object_path(resource: str, namespace: str, name: str) -> str:
    """Path of one object of ours."""
    return f"{objects_path(resource, namespace)}/{name}"


def collection_path(obj: Obj) -> str:
    """Path at which this object is created."""
    if obj["kind"] == "Namespace":
        return "/api/v1/namespaces"
    return objects_path(KINDS[obj["kind"]], obj["metadata"]["namespace"])


def kubectl(kubeconfig: Path, *arguments: str, stdin: str | None = None, **environment: str) -> str:
    """Runs kubectl and returns its output.

    Raises:
        Refused: kubectl failed; the message is its output.
    """
    command = [
        "kubectl",
        f"--kubeconfig={kubeconfig}",
        f"--cache-dir={kubeconfig.parent / 'kubectl-cache'}",
        *arguments,
    ]
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=120, env=os.environ | environment, check=False
    )
    if done.returncode != 0:
        raise Refused(done.returncode, done.stderr + done.stdout)
    return done.stdout


def _message(answer: requests.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError):
        return answer.text
