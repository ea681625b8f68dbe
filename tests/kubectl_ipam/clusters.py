"""Clusters in a box for tests of the plugin, and what it prints of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from kubectl_ipam.box import Box
from kubectl_ipam.cli import run
from kubectl_ipam.resources import IPAM
from kubectl_ipam.snapshot import Snapshot
from kubectl_ipam.sources.files import FileSource
from kubectl_ipam.views import RangeView

Document = dict[str, Any]


def range_(name: str, *ranges: str, namespace: str = "default", **spec: Any) -> Document:
    """The manifest of a range."""
    return _manifest("IPAMRange", namespace, name, {"ranges": list(ranges), **spec})


def request(name: str, range_name: str = "net", namespace: str = "default", **spec: Any) -> Document:
    """The manifest of a request."""
    return _manifest("IPAMRequest", namespace, name, {"ipam": {"name": range_name}, **spec})


def namespace(name: str, **labels: str) -> Document:
    """The manifest of a namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _manifest(kind: str, namespace: str, name: str, spec: Document) -> Document:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "ipam.mandelsoft.org/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}


def cluster_of(*manifests: Document) -> Box:
    """A cluster in a box to which these manifests were applied in order, at rest."""
    box = Box()
    assert box.apply(manifests) == []
    return box


def dump_of(box: Box, folder: Path) -> str:
    """A file with all objects of a cluster, as `kubectl get -o json` writes them; gives its path."""
    return dump_with(box.objects(), folder)


def dump_with(objects: list[Document], folder: Path) -> str:
    """The same with these objects."""
    path = folder / "dump.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return str(path)


def snapshot_of(box: Box, folder: Path) -> Snapshot:
    """What the plugin reads of a dump of a cluster."""
    return FileSource([dump_of(box, folder)]).read(IPAM)


def view_of(box: Box, folder: Path, name: str = "default/net") -> RangeView:
    """A range of a cluster."""
    return RangeView(snapshot := snapshot_of(box, folder), snapshot.ranges[name], box.cluster.clock.now())


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What a command line prints on standard output; it must end with this exit code."""
    assert run(arguments) == code, capsys.readouterr().err
    return capsys.readouterr().out
