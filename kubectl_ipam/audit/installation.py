"""Rules about what is installed: CRDs, policies and controllers, against those of this version.

An API server adds defaults to what it stores, so an object is as shipped if it has all that the shipped one has.
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

#: What is lost without objects of a kind, and how to install them.
_LOSSES = {
    resources.DEFINITIONS: ("the API server does not check what is written", "kubectl apply -k crds"),
    resources.POLICIES: ("writes that break the promises of ipam are not rejected", "kubectl apply -k metacontroller"),
    resources.POLICY_BINDINGS: ("its policy has no effect", "kubectl apply -k metacontroller"),
    resources.COMPOSITES: ("no range is served", "kubectl apply -k metacontroller"),
    resources.DECORATORS: ("no request is served", "kubectl apply -k metacontroller"),
}


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
    for resource, wanted in shipped_objects():
        name, (loss, command) = wanted["metadata"]["name"], _LOSSES[resource]
        subject = f"{resource.kind} {name}"
        if resource in snapshot.absent:
            message = f"the API server does not serve {resource.kind}, so {loss}"
            yield error("KindMissing", subject, message, _how_to_serve(resource))
        elif resource in installed and name not in installed[resource]:
            yield error("NotInstalled", subject, f"it is not installed, so {loss}", f"install it: {command}")
        elif resource in installed and (path := first_difference(wanted["spec"], installed[resource][name]["spec"])):
            message = f"it differs from that of this version at spec{path}"
            remedy = f"apply that of this version ({command}), or use the kubectl ipam of the version that is installed"
            yield _different(resource, subject, message, remedy)


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
