"""Files: a dump of `kubectl get -o json`, or manifests.

A dump has what the API server wrote, such as uids and statuses, and is shown as it is. Manifests have not: they are
applied to a cluster in a box, with the hooks of this version, and what that comes to is shown.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw

from hooks.protocol.decoding import UNREADABLE
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.resources import DUMP, FOREIGN, IPAM, Resource, resource_of
from kubectl_ipam.snapshot import Snapshot, items_of, key_of
from simulator.kubernetes.manifests import TOO_DEEP, BadManifest, fault_of, read_manifests

#: Plain data of one object.
Document = dict[str, Any]
#: The resourceVersion of the first object without one: above those of real objects, because the number of an extent is
#: at most its resourceVersion. It has 18 digits, the most that the hooks read.
STRIPPED_VERSION = 10**17


class FileSource:
    """Files as a source; they are read when the first command asks."""

    is_live = False
    default_namespace = "default"

    def __init__(self, paths: Sequence[str]) -> None:
        """Paths of files and folders, `-` for standard input."""
        self._paths = paths
        self._documents: list[Document] | None = None
        self._is_dump = False
        self.origin = ", ".join(map(_name_of, paths))

    def read(self, kinds: Iterable[Resource] = IPAM, *, fallback: str = "") -> Snapshot:
        """Read all objects of these kinds. Raises Unanswerable."""
        del fallback  # files have no rights
        if self._documents is None:
            found = documents_of(self._paths)
            _check_versions(found, self.origin)
            numbered = enumerate(found, STRIPPED_VERSION)
            documents = [_completed(each, self.default_namespace, version) for version, each in numbered]
            self._documents = settled(documents, self.origin)
            self._is_dump = any(is_stored(each) for each in documents if resource_of(each) in (*IPAM, *FOREIGN))
        known = _kinds_in(self._documents) if self._is_dump else {*IPAM, *FOREIGN}
        raw: dict[Resource, dict[str, Raw]] = {resource: {} for resource in known.intersection(kinds)}
        for document in self._documents:
            resource = resource_of(document)
            if resource in raw:
                encoded = Raw(msgspec.json.encode(document))
                raw[resource][key_of(encoded)] = encoded
        snapshot = Snapshot(raw, datetime.now(UTC).replace(microsecond=0), self.origin, is_dump=self._is_dump)
        only = _only_namespace(snapshot) if self._is_dump else None
        return replace(snapshot, namespace=only) if only else snapshot


def documents_of(paths: Sequence[str]) -> list[Document]:
    """All objects of files and folders; lists are taken apart.

    Raises:
        Unanswerable: if one can't be read; the message names the file.
    """
    return [each for path in paths for each in _documents_of(path)]


def _documents_of(path: str) -> list[Document]:
    if path == "-" or Path(path).suffix == ".json":
        data = sys.stdin.buffer.read() if path == "-" else _bytes_of(path)
        return _of_json(path, data) or _of_yaml(path, data)
    return _of_yaml(path, None)


def _bytes_of(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Unanswerable(f'"{path}" can\'t be read: {error.strerror}') from error


def _of_json(path: str, data: bytes) -> list[Document]:
    """The objects of JSON, which is read faster than YAML; none if it is something else, or has a fault to report.

    Raises Unanswerable if it has a list that is none, or a page of one, or is nested too deeply.
    """
    try:
        document = msgspec.json.decode(data)
    except RecursionError as error:
        raise Unanswerable(f"{_name_of(path)} can't be read: {TOO_DEEP}") from error
    except UNREADABLE:
        return []
    objects = list(_taken_apart(path, document))
    return [] if any(fault_of(each) for each in objects) else objects


def _taken_apart(path: str, document: Any) -> Iterable[Document]:
    if isinstance(document, dict) and str(document.get("kind", "")).endswith("List"):
        for item in items_of(document, _name_of(path)):
            yield from _taken_apart(path, item)
    elif isinstance(document, dict):
        yield document


def _name_of(path: str) -> str:
    return "standard input" if path == "-" else path


def _of_yaml(path: str, data: bytes | None) -> list[Document]:
    try:
        if data is None:
            return [each.obj for each in read_manifests(path)]
        return [each.obj for each in read_manifests("-", StringIO(data.decode()))]
    except UnicodeDecodeError as error:
        fault = f"{_name_of(path)} is not UTF-8 (byte {error.start})"
        raise Unanswerable(
            f"{fault}: write it again in UTF-8, in PowerShell by: ... | Out-File -Encoding utf8"
        ) from error
    except BadManifest as error:
        raise Unanswerable(str(error).replace("STDIN", _name_of(path))) from error


def settled(documents: list[Document], origin: str) -> list[Document]:
    """The objects of a dump as they are; with manifests among them, what they come to in a cluster in a box.

    Raises:
        Unanswerable: if there are none of ipam, one of a dump has no name, or an API server would reject a manifest.
    """
    if not any(resource_of(document) in (*IPAM, *FOREIGN) for document in documents):
        form = f"manifests are read, or the output of {DUMP}"
        raise Unanswerable(f"no objects found of ipam in {origin}: {form}")
    stored = [each for each in documents if is_stored(each)]
    _check_names([each for each in stored if resource_of(each)], origin)
    if all(is_stored(document) for document in documents if resource_of(document) in (*IPAM, *FOREIGN)):
        return documents
    from kubectl_ipam.box import Box

    box = Box(stored, is_dump=True)
    manifests = [each for each in documents if not is_stored(each) and resource_of(each) in (*IPAM, *FOREIGN)]
    if rejected := box.apply(manifests):
        faults = "".join(f"\n  {each.name}: {each.reason}" for each in rejected)
        raise Unanswerable(f"an API server would reject these manifests; correct or remove them:{faults}")
    return box.objects()


def _check_names(stored: list[Document], origin: str) -> None:
    """Do nothing if all objects of a dump have a name. Raises Unanswerable."""
    for each in stored:
        if not each["metadata"].get("name"):
            fault = f'the {each["kind"]} with uid "{each["metadata"]["uid"]}" in {origin} has no metadata.name'
            raise Unanswerable(f"{fault}: write the dump again by {DUMP}")


def _check_versions(documents: Iterable[Document], origin: str) -> None:
    """Do nothing if no object was dumped at two times: one of both would be hidden. Raises Unanswerable."""
    seen: dict[tuple[str, ...], Document] = {}
    for each in documents:
        resource = resource_of(each)
        if resource and resource.namespaced and is_stored(each):
            key = resource.kind, str(each["metadata"].get("namespace")), str(each["metadata"].get("name"))
            if seen.setdefault(key, each) != each:
                name = f"{resource.kind} {'/'.join(key[1:])}"
                raise Unanswerable(f"{origin} has {name} twice, in different versions: name the files of one dump only")


def _completed(document: Document, namespace: str, version: int) -> Document:
    """An object of a dump with what API servers write, also if it was stripped of that.

    Its namespace is then the default one, as kubectl apply says.
    """
    resource = resource_of(document)
    if resource is None or not is_stored(document):
        return document
    metadata = {"resourceVersion": str(version), "generation": 1} | document["metadata"]
    if resource.namespaced:
        metadata["namespace"] = metadata.get("namespace") or namespace
    return document | {"metadata": metadata}


def is_stored(document: Document) -> bool:
    """Whether an API server has written an object."""
    metadata = document.get("metadata")
    return isinstance(metadata, dict) and "uid" in metadata


def _kinds_in(documents: Iterable[Document]) -> set[Resource]:
    """The kinds that a dump has; of others it is not known whether there are any."""
    return {resource for each in documents if (resource := resource_of(each))}


def _only_namespace(snapshot: Snapshot) -> str | None:
    """The namespace of all objects of a dump that was written without -A; None if it seems to have all namespaces.

    Others must have objects, too, if a ledger has a holder there, or if a range there has answered a request.
    """
    found = {key.partition("/")[0] for kind, group in snapshot.raw.items() if kind.namespaced for key in group}
    lines = [line for each in snapshot.ranges.values() for line in each.status.allocations if line.released_at is None]
    holders = {line.holder.partition("/")[0] for line in lines}
    answered = [each for each in snapshot.requests.values() if each.status.state not in ("", "Pending")]
    named = holders | {each.range_name.namespace for each in answered}
    return found.pop() if len(found) == 1 and named - found else None
