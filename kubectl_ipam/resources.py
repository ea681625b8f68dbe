"""The kinds that are read, and where an API server serves them."""

from typing import Any, NamedTuple

from hooks.api import foreign, names


class Resource(NamedTuple):
    """A kind of objects.

    Attributes:
        kind: as in manifests.
        api_version: group and version.
        plural: as in URLs.
        namespaced: whether its objects lie in namespaces.
        older: a version with the same fields that is read where this one is not served; "" if there is none.
    """

    kind: str
    api_version: str
    plural: str
    namespaced: bool = True
    older: str = ""

    def path(self, namespace: str | None = None) -> str:
        """The URL path of all its objects, in one namespace or in all."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        return f"{root}/namespaces/{namespace}/{self.plural}" if namespace else f"{root}/{self.plural}"

    @property
    def before(self) -> "Resource":
        """The same in its older version."""
        return self._replace(api_version=f"{self.group}/{self.older}", older="")

    @property
    def group(self) -> str:
        """Its API group; "" for the core group."""
        return self.api_version.rpartition("/")[0]


RANGES = Resource(names.RANGE_KIND, names.API_VERSION, "ipamranges")
REQUESTS = Resource(names.REQUEST_KIND, names.API_VERSION, "ipamrequests")
SLICES = Resource(names.SLICE_KIND, names.API_VERSION, "ipamallocationslices")
EXTENTS = Resource(names.EXTENT_KIND, names.API_VERSION, "ipamextents")
NAMESPACES = Resource("Namespace", "v1", "namespaces", namespaced=False)

#: What every command reads, in this order: a ledger is read before the objects that are computed from it.
IPAM = (RANGES, EXTENTS, SLICES, REQUESTS, NAMESPACES)
#: The command that writes all of these to a dump. The category `ipam` has ranges and requests alone.
DUMP = "kubectl get ipam,ipamallocationslices,ipamextents,namespaces -A -o json"

CLAIMS = Resource(names.CLAIM_KIND, f"{foreign.IPAM_GROUP}/v1beta2", "ipaddressclaims", older="v1beta1")
ADDRESSES = Resource(foreign.ADDRESS_KIND, f"{foreign.IPAM_GROUP}/v1beta2", "ipaddresses", older="v1beta1")
CLUSTERS = Resource(foreign.CLUSTER_KIND, f"{foreign.CLUSTER_GROUP}/v1beta2", "clusters", older="v1beta1")
ALIASES = Resource(names.ALIAS_KIND, names.API_VERSION, "ipamrangealiases", namespaced=False)
SERVICES = Resource(names.SERVICE_KIND, "v1", "services")

#: Objects of other kinds that get addresses by attached requests, and what decides about these.
FOREIGN = (CLAIMS, ADDRESSES, CLUSTERS, ALIASES, SERVICES)

DEFINITIONS = Resource("CustomResourceDefinition", "apiextensions.k8s.io/v1", "customresourcedefinitions", False)
POLICIES = Resource(
    "ValidatingAdmissionPolicy", "admissionregistration.k8s.io/v1", "validatingadmissionpolicies", False
)
POLICY_BINDINGS = Resource(
    "ValidatingAdmissionPolicyBinding", "admissionregistration.k8s.io/v1", "validatingadmissionpolicybindings", False
)
COMPOSITES = Resource("CompositeController", "metacontroller.k8s.io/v1alpha1", "compositecontrollers", False)
DECORATORS = Resource("DecoratorController", "metacontroller.k8s.io/v1alpha1", "decoratorcontrollers", False)

#: What an installation consists of, besides the deployment of the hooks.
INSTALLATION = (DEFINITIONS, POLICIES, POLICY_BINDINGS, COMPOSITES, DECORATORS)

#: All kinds that a dump may have, by kind and group.
KNOWN = {(each.kind, each.group): each for each in (*IPAM, *FOREIGN, *INSTALLATION)}


def resource_of(document: dict[str, Any]) -> Resource | None:
    """The kind of an object, in whatever version; None if it is no kind that is read."""
    group = str(document.get("apiVersion", "")).rpartition("/")[0]
    return KNOWN.get((str(document.get("kind", "")), group))
