"""`kubectl ipam watch`: each change of a request, from the events of an API server or of kubectl."""

import json
from pathlib import Path

import pytest

from kubectl_ipam.changes import watched
from kubectl_ipam.cli import run
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.resources import IPAM
from kubectl_ipam.sources.live import live_source
from tests.kubectl_ipam.api_server import Server


def test_a_watch_of_a_range_that_does_not_exist_does_not_wait(
    kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["watch", "nope", "--kubeconfig", kubeconfig]) == 1
    assert 'no range "infra/nope" in context test: list them: kubectl ipam show -A' in capsys.readouterr().err


def test_a_watch_shows_what_happens(kubeconfig: str) -> None:
    web = next(each for each in Server.objects if each["metadata"]["name"] == "web")
    new = json.loads(json.dumps(web).replace('"web"', '"new"'))
    waiting = new | {"status": {"state": "Busy", "message": "no free /28", "schemaV1": True}}
    Server.events = [
        {"type": "ADDED", "object": waiting},
        {"type": "MODIFIED", "object": waiting},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}},
        {"type": "MODIFIED", "object": new},
        {
            "type": "MODIFIED",
            "object": new | {"metadata": new["metadata"] | {"deletionTimestamp": "2026-01-01T00:00:00Z"}},
        },
        {"type": "DELETED", "object": new},
        {"type": "ERROR", "object": {"code": 500, "message": "broken"}},
    ]
    changes = watched(live_source(kubeconfig, None), None)

    seen = [(each.what, each.cidr, each.message) for each in (next(changes) for _ in range(4))]

    cidr = new["status"]["cidr"]
    assert seen == [("waits", "", "no free /28"), ("granted", cidr, ""), ("deleting", cidr, ""), ("released", cidr, "")]
    with pytest.raises(Unanswerable, match="broken"):
        next(changes)


def test_a_watch_shows_what_happened_while_the_server_had_forgotten_its_version(
    kubeconfig: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = next(each for each in Server.objects if each["metadata"]["name"] == "web")
    new = json.loads(json.dumps(web).replace('"web"', '"new"'))
    waiting = {"metadata": new["metadata"] | {"name": "waiting"}, "spec": new["spec"], "status": {"state": "Busy"}}
    unreadable = {"kind": "IPAMRequest", "metadata": {"name": "bad", "namespace": "default"}, "spec": {"size": "24"}}
    monkeypatch.setattr(Server, "objects", [*Server.objects, unreadable])
    changes = watched(live_source(kubeconfig, None), None)
    Server.events = [
        {"type": "ADDED", "object": waiting},
        {"type": "DELETED", "object": waiting},
        {"type": "ERROR", "object": {"code": 410, "message": "too old"}},
    ]
    assert [next(changes).what for _ in range(2)] == ["waits", "deleted"]

    monkeypatch.setattr(Server, "objects", [*(each for each in Server.objects if each is not web), new])

    seen = [(each.what, each.request) for each in (next(changes) for _ in range(2))]
    assert seen == [("granted", "default/new"), ("released", "default/web")]


def test_a_range_is_watched_with_the_rights_of_its_namespace(
    kubeconfig: str, forbidden: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    forbidden.update(each.path() for each in IPAM)
    web = next(each for each in Server.objects if each["metadata"]["name"] == "web")
    Server.events = [{"type": "DELETED", "object": web}]

    assert run(["watch", "net", "-n", "default", "--count", "1", "--kubeconfig", kubeconfig]) == 0

    assert "released  10.0.0.0/28" in capsys.readouterr().out


def test_a_watch_that_kubectl_can_not_make_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise kubectl would be started again and again."""
    kubectl = tmp_path / "kubectl"
    listed = '{"metadata":{"resourceVersion":"7"},"items":[]}'
    kubectl.write_text(
        f"""#!/bin/sh
case "$*" in *"config view"*) printf 't\\ndefault';; *watch=1*) exit 1;; *) echo '{listed}';; esac
"""
    )
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert run(["watch", "-A", "--via-kubectl"]) == 2

    assert "watch=1" in (message := capsys.readouterr().err)
    assert "ended with 1, for the reason above" in message
