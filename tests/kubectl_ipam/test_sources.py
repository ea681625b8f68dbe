"""Reading a cluster: a kubeconfig as kubectl reads it, and the answers of an API server."""

import json
from pathlib import Path

import pytest
import yaml

from kubectl_ipam.cli import run
from kubectl_ipam.completion import completions
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.page.answers import Answers
from kubectl_ipam.resources import EXTENTS, IPAM, RANGES, REQUESTS, SLICES
from kubectl_ipam.sources.live import LoginNotSupported, connect, live_source
from tests.kubectl_ipam.api_server import Document, Server, config_of
from tests.kubectl_ipam.clusters import cluster_of, printed, range_, request


def test_a_cluster_is_read_with_the_namespace_of_its_context(
    kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "10.0.0.0/28" in printed(capsys, "get", "web", "--kubeconfig", kubeconfig)
    assert "other" in printed(capsys, "show", "--kubeconfig", kubeconfig)
    everything = printed(capsys, "show", "-A", "--kubeconfig", kubeconfig)
    assert "net" in everything
    assert "other" in everything


def test_a_user_with_rights_in_a_namespace_sees_that_one(
    kubeconfig: str, forbidden: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    forbidden.update(each.path() for each in IPAM)

    shown = printed(capsys, "show", "-n", "default", "--kubeconfig", kubeconfig)

    assert "net" in shown
    assert live_source(kubeconfig, None).read().namespace == "infra"


def test_a_holder_in_a_namespace_that_may_not_be_read_is_not_called_missing(
    kubeconfig: str, forbidden: set[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise its block could be reclaimed by mistake."""
    shared = range_("shared", "10.2.0.0/24", namespace="infra", chunkSize=28, allowedNamespaces={"from": "All"})
    foreign = request("web", ipam={"namespace": "infra", "name": "shared"})
    monkeypatch.setattr(Server, "objects", cluster_of(shared, foreign).objects())
    forbidden.update(each.path() for each in IPAM)

    shown = printed(capsys, "get", "10.2.0.0", "-n", "infra", "--kubeconfig", kubeconfig)
    assert "default/web, which can't be read" in shown
    shown = printed(capsys, "show", "shared", "-n", "infra", "--kubeconfig", kubeconfig)
    assert "can't be read: kubectl ipam explain default/web" in shown
    exported = printed(capsys, "export", "-n", "infra", "--kubeconfig", kubeconfig)
    assert "default,web,infra/shared,10.2.0.0/28,Unreadable" in exported
    answers = Answers(live_source(kubeconfig, None).read())
    (row,) = answers.rows("infra/shared", offset=0, limit=9, kind="held", text="")["rows"]
    assert row["why"] == "its request can't be read"
    assert run(["explain", "default/web", "-n", "infra", "--kubeconfig", kubeconfig]) == 1
    shown = capsys.readouterr().err
    assert "request default/web can't be read, but holds 10.2.0.0/28 of range infra/shared" in shown
    assert "with your rights only namespace infra can" in shown


def explained(capsys: pytest.CaptureFixture[str], kubeconfig: str, name: str, code: int) -> Document:
    """What a user whose rights end at the namespace team-a gets explained."""
    shown = printed(capsys, "explain", name, "-n", "team-a", "--kubeconfig", kubeconfig, "-o", "json", code=code)
    (found,) = json.loads(shown)["requests"]
    return dict(found)


@pytest.mark.parametrize(
    ("name", "spec", "code", "steps"),
    [
        ("served", {}, 0, ["range unknown", "published done"]),
        ("delegating", {"delegate": {"chunkSize": 30}}, 0, ["range unknown", "published done", "delegated done"]),
        ("waiting", {"size": 24}, 3, ["range unknown", "published waiting"]),
        ("wrong", {"size": 8}, 4, ["range unknown", "published failed"]),
    ],
)
def test_a_request_of_a_range_that_may_not_be_read_is_explained_by_what_it_shows(
    name: str, spec: Document, code: int, steps: list[str], *,
    kubeconfig: str, forbidden: set[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    shared = range_("shared", "10.2.0.0/24", namespace="infra", chunkSize=28, allowedNamespaces={"from": "All"})
    first = request("first", namespace="team-a", ipam={"namespace": "infra", "name": "shared"})
    asking = request(name, namespace="team-a", ipam={"namespace": "infra", "name": "shared"}, **spec)
    monkeypatch.setattr(Server, "objects", cluster_of(shared, first, asking).objects())
    forbidden.update(each.path() for each in IPAM)

    found = explained(capsys, kubeconfig, name, code)

    assert [f"{each['step']} {each['state']}" for each in found["steps"][2:]] == steps
    assert found["steps"][2]["text"] == "range infra/shared can't be read with your rights"
    advice = " ".join([*found["remedies"], found["next"]])
    assert ("delete" in advice) == (name == "wrong")
    if name == "waiting":
        assert "no free /24 in infra/shared" in found["steps"][-1]["text"]
        assert "who can read range infra/shared what would help: kubectl ipam explain team-a/waiting" in advice


def test_an_answer_that_may_not_be_read_is_not_called_missing(
    kubeconfig: str, forbidden: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    forbidden.add(SLICES.path())

    shown = printed(capsys, "explain", "default/web", "--kubeconfig", kubeconfig)

    assert "can't be read with your rights" in shown
    assert "[x] published  it shows 10.0.0.0/28 since " in shown


@pytest.mark.parametrize("verb", ["show", "watch"])
def test_a_user_without_rights_learns_what_to_type(
    verb: str, kubeconfig: str, forbidden: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    forbidden.update(each.path(namespace) for each in IPAM for namespace in (None, "infra"))

    assert run([verb, "--kubeconfig", kubeconfig]) == 2
    assert "is forbidden: name a namespace in which you have the ClusterRole view by -n" in capsys.readouterr().err


def test_a_namespace_that_does_not_exist_is_not_called_right(
    kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "-n", "typo", "--kubeconfig", kubeconfig]) == 2
    assert 'no namespace "typo" in context test: list them: kubectl get namespaces' in capsys.readouterr().err


def test_a_missing_right_or_kind_is_noted(kubeconfig: str, forbidden: set[str]) -> None:
    forbidden.add(EXTENTS.path())

    snapshot = live_source(kubeconfig, None).read()

    assert snapshot.denied == {EXTENTS: f"{EXTENTS.path()} is forbidden"}
    assert RANGES in snapshot.raw


def test_an_object_whose_managed_fields_are_nested_too_deeply_hides_no_other_one(
    kubeconfig: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client can write as many levels as the API server reads, 10,000."""
    deep = b'{"a":' * 9_000 + b"1" + b"}" * 9_000

    def answer(self: Server, status: int, body: Document) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode().replace(b'"uid":', b'"managedFields":' + deep + b', "uid":'))

    monkeypatch.setattr(Server, "_answer", answer)

    assert "10.0.0.0/28" in printed(capsys, "get", "default/web", "--kubeconfig", kubeconfig)
    assert "OK: 2 ranges, 1 block in use" in printed(capsys, "show", "-A", "--kubeconfig", kubeconfig)


def test_a_cluster_without_ipam_is_an_error_with_advice(
    kubeconfig: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Server, "_list", lambda self, _: self._answer(404, {}))

    assert run(["show", "--kubeconfig", kubeconfig]) == 2
    assert "is ipam installed there?" in capsys.readouterr().err


def test_a_cluster_that_does_not_answer_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config_of("http://127.0.0.1:9")))

    assert run(["show", "--kubeconfig", str(path)]) == 2
    assert "can't be reached" in capsys.readouterr().err


@pytest.mark.parametrize(
    "user",
    [
        {"as": "another-user"},
        {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "login"}},
        {"auth-provider": {"name": "oidc"}},
    ],
)
def test_a_login_that_would_not_be_used_in_full_is_left_to_kubectl(user: Document, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config_of("http://127.0.0.1:9", **user)))

    with pytest.raises(LoginNotSupported):
        connect(str(path), None)


CERTIFICATES = '{"status": {"clientCertificateData": "x", "clientKeyData": "y"}}'


@pytest.mark.parametrize("script", ["exit 1", f"echo '{CERTIFICATES}'", "echo hello", None])
def test_a_login_plugin_that_gives_no_token_is_left_to_kubectl(
    script: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """kubectl knows more kinds of them, and says best what one that fails has printed."""
    plugin, path = tmp_path / "login", tmp_path / "config"
    if script is not None:
        plugin.write_text(f"#!/bin/sh\n{script}\n")
        plugin.chmod(0o755)
    config = config_of("http://127.0.0.1:9")
    login = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": str(plugin)}
    config["users"][0]["user"] = {"exec": login}
    path.write_text(yaml.safe_dump(config))
    monkeypatch.setattr("shutil.which", lambda _: None)

    assert run(["show", "--kubeconfig", str(path)]) == 2
    shown = capsys.readouterr().err
    assert "the login plugin of the kubeconfig gives no token" in shown
    assert "only kubectl can use it, which is not in PATH" in shown
    assert list(completions(["show", "--kubeconfig", str(path), ""])) == [":4"]


def test_an_unknown_context_is_an_error(kubeconfig: str) -> None:
    with pytest.raises(Unanswerable, match="Context 'nowhere' not found"):
        connect(kubeconfig, "nowhere")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sh"], ["show\tlist ranges with what is used, free and waiting; or one range with its map", ":4"]),
        (["--v"], ["--version\tprint the version of the plugin", ":4"]),
        (["show", "--kubeconfig", "KUBECONFIG", ""], ["other", ":4"]),
        (["show", "-n", "default", "--kubeconfig", "KUBECONFIG", "n"], ["net", ":4"]),
        (["map", "--kubeconfig", "KUBECONFIG", "default/"], ["default/net", ":4"]),
        (["explain", "--kubeconfig", "KUBECONFIG", "-n", "default", ""], ["web", ":4"]),
        (["show", "--kubeconfig", "KUBECONFIG", "-n", "def"], ["default", ":4"]),
        (["show", "-f", ""], [":0"]),
        (["map", "--sv"], ["--svg\twrite a picture to a file; - for standard output", ":4"]),
        (["watch", "--fi"], [":4"]),
        (["nonsense", ""], [":4"]),
        (["show", "--kubeconfig", "nothing", ""], [":4"]),
    ],
)
def test_completion_prints_what_kubectl_expects(words: list[str], expected: list[str], kubeconfig: str) -> None:
    assert list(completions([kubeconfig if word == "KUBECONFIG" else word for word in words])) == expected


def test_a_plan_sees_the_labels_of_namespaces_that_an_api_server_lists_without_their_kind(
    kubeconfig: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    selector = {"matchLabels": {"kubernetes.io/metadata.name": "default"}}
    shared = range_("shared", "10.9.0.0/24", allowedNamespaces={"from": "Selector", "selector": selector})
    manifests = tmp_path / "manifests.yaml"
    manifests.write_text(yaml.safe_dump_all([shared, request("new", "shared")]))

    assert "10.9.0.0/32" in printed(capsys, "plan", "-f", str(manifests), "--kubeconfig", kubeconfig)


def test_a_plan_knows_claims_in_the_version_that_is_served_and_says_that_no_controller_serves_them(
    kubeconfig: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = {"apiGroup": "ipam.mandelsoft.org", "kind": "IPAMRange", "name": "net"}
    claim = {
        "apiVersion": "ipam.cluster.x-k8s.io/v1beta1",
        "kind": "IPAddressClaim",
        "metadata": {"name": "old", "namespace": "default", "uid": "1", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"poolRef": pool},
        "status": {"conditions": [{"type": "Ready", "status": "False", "severity": "Info", "reason": "PoolNotReady"}]},
    }
    others: dict[str, list[Document]] = {
        "/apis/ipam.cluster.x-k8s.io/v1beta1/ipaddressclaims": [claim],
        "/apis/metacontroller.k8s.io/v1alpha1/decoratorcontrollers": [{"metadata": {"name": "ipamrequest"}}],
    }
    listed = Server._list

    def list_(self: Server, path: str) -> None:
        listed(self, path) if path not in others else self._answer(200, {"metadata": {}, "items": others[path]})

    monkeypatch.setattr(Server, "_list", list_)
    manifests = tmp_path / "manifests.yaml"
    manifests.write_text(yaml.safe_dump(claim | {"metadata": {"name": "old", "namespace": "default"}}))

    assert run(["plan", "--delete", "-f", str(manifests), "--kubeconfig", kubeconfig]) == 0

    shown = capsys.readouterr()
    assert "IPAddressClaim default/old   default/net   Deleted" in shown.out
    assert "this cluster has no DecoratorController ipaddressclaim" in shown.err
    assert "kubectl apply -k deploy/cluster-api\n" in shown.err
    assert "DecoratorController service" not in shown.err


@pytest.mark.parametrize(("busy_answers", "code"), [(2, 0), (100, 2)])
def test_a_busy_api_server_is_asked_again(
    busy_answers: int, code: int, kubeconfig: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    left = [busy_answers]
    listed = Server._list

    def list_(self: Server, path: str) -> None:
        if left[0]:
            left[0] -= 1
            self._answer(429, {"message": "storage is (re)initializing"})
        else:
            listed(self, path)

    monkeypatch.setattr(Server, "_list", list_)
    monkeypatch.setattr("kubectl_ipam.sources.live.PAUSE_SECONDS_MAX", 0.0)

    assert run(["show", "--kubeconfig", kubeconfig]) == code
    assert ("storage is (re)initializing" in capsys.readouterr().err) == (code == 2)


def test_requests_are_listed_by_their_path() -> None:
    assert REQUESTS.path("team-a") == "/apis/ipam.mandelsoft.org/v1alpha1/namespaces/team-a/ipamrequests"
