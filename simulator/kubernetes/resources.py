"""The kinds of a cluster, read from CustomResourceDefinitions as API discovery lists them.

The catalog finds a kind by every name that people and manifests use: kind and apiVersion, plural, singular, short name,
category, `plural.group`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.kubernetes.cel import Rules
from simulator.kubernetes.errors import NotFound
from simulator.kubernetes.manifests import read_manifests
from simulator.kubernetes.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from simulator.kubernetes.objects import Obj

#: A column that kubectl shows for kinds that define none.
AGE_COLUMN = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One kind in one version: its names, scope, schema and print columns."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    schema: Schema
    rules: Rules
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    has_status: bool = True
    columns: tuple[dict[str, Any], ...] = field(default=(AGE_COLUMN,))
    #: The fields by which a field selector may select, such as `status.state`.
    selectable: frozenset[str] = frozenset()

    @property
    def api_version(self) -> str:
        """`group/version`, or only the version for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def hook_key(self) -> str:
        """The key of the kind in v2 hook bodies: `Kind.group/version`."""
        return f"{self.kind}.{self.api_version}"

    @property
    def plural_name(self) -> str:
        """The name in messages of the API server: `ipamranges.ipam.mandelsoft.org`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular_name(self) -> str:
        """The name in kubectl's output: `ipamrange.ipam.mandelsoft.org`."""
        return f"{self.singular}.{self.group}" if self.group else self.singular

    def words(self) -> set[str]:
        """All names of this kind on a command line, in lower case."""
        return {self.plural, self.singular, self.kind.lower(), self.plural_name, self.singular_name, *self.short_names}


#: The schema of a kind whose objects are not checked.
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
NAMESPACE = Resource(
    group="",
    version="v1",
    kind="Namespace",
    plural="namespaces",
    singular="namespace",
    schema=Schema(ANYTHING),
    rules=Rules(ANYTHING),
    short_names=("ns",),
    namespaced=False,
    columns=({"name": "Status", "type": "string", "jsonPath": ".status.phase"}, AGE_COLUMN),
)

#: Stored like any other object; it limits nothing here.
RESOURCE_QUOTA = Resource(
    group="",
    version="v1",
    kind="ResourceQuota",
    plural="resourcequotas",
    singular="resourcequota",
    schema=Schema(ANYTHING),
    rules=Rules(ANYTHING),
    short_names=("quota",),
)

#: A Service without its own fields and defaults: what matters here are its type, its annotations and its status.
SERVICE = Resource(
    group="",
    version="v1",
    kind="Service",
    plural="services",
    singular="service",
    schema=Schema(ANYTHING),
    rules=Rules(ANYTHING),
    short_names=("svc",),
    columns=(
        {"name": "Type", "type": "string", "jsonPath": ".spec.type"},
        {"name": "External-IP", "type": "string", "jsonPath": ".status.loadBalancer.ingress[0].ip"},
        AGE_COLUMN,
    ),
)


class Catalog:
    """All kinds of a cluster. Namespace, ResourceQuota and Service are always among them."""

    def __init__(self, definitions: Iterable[Obj]) -> None:
        """`definitions` are CustomResourceDefinition objects. Raises ValueError for other objects."""
        self.resources = [NAMESPACE, RESOURCE_QUOTA, SERVICE]
        for definition in definitions:
            self.resources.extend(_resources_of(definition))
        self._by_kind = {(resource.api_version, resource.kind): resource for resource in self.resources}
        self._by_plural = {(resource.api_version, resource.plural): resource for resource in self.resources}

    @classmethod
    def read(cls, *paths: Path) -> Catalog:
        """The catalog of the CustomResourceDefinitions in these files and folders."""
        found = [item.obj for path in paths for item in read_manifests(path)]
        return cls(obj for obj in found if obj.get("kind") == "CustomResourceDefinition")

    def of_kind(self, api_version: str, kind: str) -> Resource:
        """The resource of an object. Raises NotFound."""
        try:
            return self._by_kind[api_version, kind]
        except KeyError:
            raise NotFound(f'no matches for kind "{kind}" in version "{api_version}"') from None

    def of(self, obj: Obj) -> Resource:
        """The resource of this object. Raises NotFound."""
        return self.of_kind(str(obj.get("apiVersion", "")), str(obj.get("kind", "")))

    def of_plural(self, api_version: str, plural: str) -> Resource:
        """The resource with this plural name, as controller manifests use it. Raises NotFound."""
        try:
            return self._by_plural[api_version, plural]
        except KeyError:
            raise NotFound(f"discovery: can't find resource {plural} in apiVersion {api_version}") from None

    def called(self, word: str) -> list[Resource]:
        """The resources that this word names on a command line: one kind, or a category. Raises NotFound."""
        lowered = word.lower()
        found = [item for item in self.resources if lowered in item.words() or lowered in item.categories]
        if not found:
            known = ", ".join(sorted(item.plural for item in self.resources))
            raise NotFound(f'the server doesn\'t have a resource type "{word}": it has {known}')
        return found


def _resources_of(definition: Obj) -> list[Resource]:
    if definition.get("kind") != "CustomResourceDefinition":
        raise ValueError(f"not a CustomResourceDefinition: {definition.get('kind')!r}")
    spec = definition["spec"]
    names = spec["names"]
    return [
        Resource(
            group=spec["group"],
            version=version["name"],
            kind=names["kind"],
            plural=names["plural"],
            singular=names.get("singular") or names["kind"].lower(),
            schema=Schema(version["schema"]["openAPIV3Schema"]),
            rules=Rules(version["schema"]["openAPIV3Schema"]),
            short_names=tuple(names.get("shortNames", ())),
            categories=tuple(names.get("categories", ())),
            namespaced=spec["scope"] == "Namespaced",
            has_status="status" in (version.get("subresources") or {}),
            columns=tuple(version.get("additionalPrinterColumns") or (AGE_COLUMN,)),
            selectable=frozenset(each["jsonPath"].removeprefix(".") for each in version.get("selectableFields", ())),
        )
        for version in spec["versions"]
        if version.get("served")
    ]
