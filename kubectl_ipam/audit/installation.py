"""Rules about what is installed: CRDs, policies and controllers, against those of this version.

An API server adds defaults to what it stores, so an object is as shipped if it has all that the shipped one has. Where
the hooks are called is a choice of each installation, for example with TLS, and is not compared. Nor are controllers of
shards, which are copies with other names and selectors (deploy/shards).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from kubectl_ipam import resources, shipped
from kubectl_ipam.audit.facts import Facts
from kubectl_ipam.audit.findings import Finding, error, warning
from kubectl_ipam.resources import Resource

Document = dict[str, Any]
#: What is installed, by kind and name.
Installed = Mapping[Resource, Mapping[str, Document]]

_CONTROLLERS = (resources.COMPOSITES, resources.DECORATORS)
#: What is lost without objects of a kind.
_LOSSES = {
    resources.DEFINITIONS: "the API server does not check what is written",
    resources.POLICIES: "writes that break the promises of ipam are not rejected",
    resources.POLICY_BINDINGS: "its policy has no effect",
    resources.COMPOSITES: "no range is served",
    resources.DECORATORS: "no request is served",
}
#: By Helm, on all objects of a release.
_RELEASE_NAME, _RELEASE_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"


@cache
def shipped_objects() -> tuple[tuple[Resource, Document], ...]:
    """The objects of an installation that are compared, in the order of their files."""
    from simulator.kubernetes.manifests import read_manifests

    kinds = {each.kind: each for each in resources.INSTALLATION}
    files = (*_files(shipped.CRDS), *_files(shipped.METACONTROLLER))
    found = [item.obj for file in files for item in read_manifests(file)]
    return tuple((kinds[obj["kind"]], obj) for obj in found if obj.get("kind") in kinds)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.yaml"))


def missing_and_different(facts: Facts) -> Iterator[Finding]:
    """What is not installed, or not as this version ships it; only of kinds that could be read."""
    snapshot = facts.snapshot
    installed = {each: snapshot.documents(each) for each in resources.INSTALLATION if each in snapshot.raw}
    command = _command(installed)
    for resource, wanted in shipped_objects():
        name, loss = wanted["metadata"]["name"], _LOSSES[resource]
        install = "kubectl apply -k crds" if resource is resources.DEFINITIONS else command
        subject = f"{resource.kind} {name}"
        if resource in snapshot.absent:
            message = f"the API server does not serve {resource.kind}, so {loss}"
            yield error("KindMissing", subject, message, _how_to_serve(resource))
        elif resource in installed and name not in installed[resource]:
            yield error("NotInstalled", subject, f"it is not installed, so {loss}", f"install it: {install}")
        elif resource in installed and (path := _difference(resource, wanted, installed[resource][name])):
            message = f"it differs from that of this version at spec{path}"
            remedy = f"apply that of this version ({install}), or use the kubectl ipam of the version that is installed"
            yield _different(resource, subject, message, remedy)


def _command(installed: Installed) -> str:
    """The command that installs all but the CRDs in the way in which the controllers were installed."""
    names = {(resource, wanted["metadata"]["name"]) for resource, wanted in shipped_objects()}
    ours = [each for kind in _CONTROLLERS for name, each in installed.get(kind, {}).items() if (kind, name) in names]
    for each in ours:
        notes = each["metadata"].get("annotations") or {}
        if _RELEASE_NAME in notes:
            release = f"-n {notes.get(_RELEASE_NAMESPACE, 'default')} {notes[_RELEASE_NAME]}"
            return f"helm upgrade {release} charts/ipam --reset-then-reuse-values"
    webhooks = [webhook for each in ours for webhook in _webhooks(each.get("spec")).values()]
    return "kubectl apply -k deploy/tls" if any(map(_is_encrypted, webhooks)) else "kubectl apply -k metacontroller"


def _is_encrypted(webhook: Any) -> bool:
    if not isinstance(webhook, Mapping):
        return False
    service = webhook.get("service")
    protocol = service.get("protocol") if isinstance(service, Mapping) else None
    return protocol == "https" or str(webhook.get("url", "")).startswith("https:")


def _difference(resource: Resource, wanted: Document, found: Document) -> str:
    """Where the spec of an installed object differs; "" if it has all of the shipped one."""
    specs = wanted["spec"], found.get("spec")
    return first_difference(*(map(_without_hosts, specs) if resource in _CONTROLLERS else specs))


def _without_hosts(spec: Any) -> Any:
    """The spec of a controller without what an installation chooses: where its hooks are called."""
    called = {name: {**spec["hooks"][name], "webhook": _path_of(each)} for name, each in _webhooks(spec).items()}
    return {**spec, "hooks": {**spec["hooks"], **called}} if called else spec


def _webhooks(spec: Any) -> dict[str, Any]:
    """The webhooks of a controller, by the names of its hooks."""
    hooks = spec.get("hooks") if isinstance(spec, Mapping) else None
    named = hooks.items() if isinstance(hooks, Mapping) else ()
    return {name: each["webhook"] for name, each in named if isinstance(each, Mapping) and "webhook" in each}


def _path_of(webhook: Any) -> Any:
    """A webhook without the Service that is called, or with the path of its URL alone; None if it calls neither."""
    if not isinstance(webhook, Mapping):
        return webhook
    rest = {key: value for key, value in webhook.items() if key not in ("service", "url")}
    if url := webhook.get("url"):
        _, slash, path = str(url).partition("://")[2].partition("/")
        return rest | {"path": slash + path}
    return rest if webhook.get("service") else None


def _different(resource: Resource, subject: str, message: str, remedy: str) -> Finding:
    """Controllers may be tuned, for example their timeouts; the rest must be as it is shipped."""
    is_tunable = resource in (resources.COMPOSITES, resources.DECORATORS)
    return (warning if is_tunable else error)("OtherVersion", subject, message, remedy)


def _how_to_serve(resource: Resource) -> str:
    if resource.group == "metacontroller.k8s.io":
        return "install Metacontroller, as README describes"
    return "ipam needs Kubernetes 1.31 or later"


def first_difference(wanted: Any, found: Any) -> str:
    """The path of the first thing that is wanted and not found; "" if everything is."""
    if isinstance(wanted, Mapping):
        return _difference_of_maps(wanted, found)
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return _difference_of_lists(wanted, found)
    return "" if _words(wanted) == _words(found) else " "


def _words(value: Any) -> Any:
    """A text without its line breaks: YAML libraries fold indented lines of one text differently."""
    return " ".join(value.split()) if isinstance(value, str) else value


def _difference_of_maps(wanted: Mapping[str, Any], found: Any) -> str:
    if not isinstance(found, Mapping):
        return " "
    for key, value in wanted.items():
        if value in (None, [], {}) and key not in found:
            continue
        if path := first_difference(value, found.get(key)):
            return f".{key}{path}".rstrip()
    return ""


def _difference_of_lists(wanted: Sequence[Any], found: Any) -> str:
    if not isinstance(found, Sequence) or len(found) != len(wanted):
        return " "
    for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
        if path := first_difference(one, other):
            return f"[{index}]{path}".rstrip()
    return ""


RULES = (missing_and_different,)
