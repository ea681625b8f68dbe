"""Names of the API as its documents spell them; people, the judge and the mutants share them.

The hooks have names of their own. The judge does not import them, so a name that the hooks misspell is found.
"""

from collections.abc import Iterable
from hashlib import sha256
from zlib import crc32

GROUP = "ipam.mandelsoft.org"

#: The plural name of slices.
SLICES = "ipamallocationslices"
#: The plural names of the kinds of other API groups that get addresses, and of those that matter for them.
CLAIMS, ADDRESSES, CLUSTERS, SERVICES = "ipaddressclaims", "ipaddresses", "clusters", "services"
#: Keys of Metacontroller's object maps.
RANGES_KEY, REQUESTS_KEY, SLICES_KEY, EXTENTS_KEY = (
    f"IPAM{word}.{GROUP}/v1alpha1" for word in ("Range", "Request", "AllocationSlice", "Extent")
)
RANGE_SYNC_PATH, RANGE_FINALIZE_PATH = "/ipamrange/sync", "/ipamrange/finalize"
CLAIM_SYNC_PATH = "/ipaddressclaim/sync"

#: The fields of a range's status that only a new revision may change: the ledger.
LEDGER_FIELDS = (
    *("allocations", "released", "roundRobin", "onHold", "closing"),
    *("gateways", "wasShared", "removable", "withdrawn", "observedGeneration"),
)

#: The labels by which a range finds its requests and extents, and a shard its ranges and requests; and the annotations
#: that people and hooks write.
RANGE_LABEL = f"{GROUP}/range"
SHARD_LABEL = f"{GROUP}/shard"
CELL_LABEL = f"{GROUP}/cell"
CIDR_ANNOTATION = f"{GROUP}/cidr"
HOLD_ANNOTATION = f"{GROUP}/hold"
ABANDON_ANNOTATION = f"{GROUP}/abandon"
RECLAIM_ANNOTATION = f"{GROUP}/reclaim"
END_COOLDOWN_ANNOTATION = f"{GROUP}/end-cooldown"
ALLOW_DELETION_ANNOTATION = f"{GROUP}/allow-deletion"
#: On Services: the ranges, what the hooks remember, and why there is no address; and the annotation that MetalLB reads.
RANGES_ANNOTATION = f"{GROUP}/range"
ADDRESSES_ANNOTATION = f"{GROUP}/addresses"
MESSAGE_ANNOTATION = f"{GROUP}/message"
GIVEN_UP_ANNOTATION = f"{GROUP}/released-requests"
METALLB_ANNOTATION = "metallb.io/loadBalancerIPs"
TOUCHED_ANNOTATION = f"{GROUP}/touched"

#: Metacontroller's finalizers of the default shard, and the label by which it finds the children of a parent.
RANGE_FINALIZER = "metacontroller.io/compositecontroller-ipamrange"
REQUEST_FINALIZER = "metacontroller.io/decoratorcontroller-ipamrequest"
UID_LABEL = "controller-uid"
#: What Metacontroller wrote last of a child.
LAST_APPLIED_ANNOTATION = "metacontroller.k8s.io/last-applied-configuration"

#: A finalizer of another controller, and the label by which ranges of the attack select namespaces.
FOREIGN_FINALIZER = "example.com/keep"
OPEN_LABEL = "open"

#: The writers of objects: the controllers under test, a cluster administrator, a person with roles in one namespace,
#: and the controller manager.
METACONTROLLER, PERSON, TENANT, CONTROLLER_MANAGER = "metacontroller", "person", "tenant", "controller-manager"
#: Metacontroller's role, if it does not run as cluster administrator, and those for claims and Services.
METACONTROLLER_ROLE = "ipam-metacontroller"
ADDED_ROLES = (f"{METACONTROLLER_ROLE}-cluster-api", f"{METACONTROLLER_ROLE}-services")


def of_all_shards(finalizers: Iterable[str], finalizer: str) -> list[str]:
    """Those finalizers that are ours, given that of the default shard: the others end with "-" and their shard."""
    return [each for each in finalizers if each == finalizer or each.startswith(f"{finalizer}-")]


#: The slices for the requests of a range that were created in the same second, and the lengths in the name of a slice.
SLOTS = 2
NAME_LENGTH_MAX, DIGEST_LENGTH = 63, 10


def slot_of(uid: str) -> int:
    """The number of the slice for a request among those of its range and second."""
    return crc32(uid.encode()) % SLOTS


def slice_name(range_name: str, created: str, slot: int) -> str:
    """`namespace/name` of a slice, by the `namespace/name` of its range and by the second and slot of its requests."""
    namespace, _, name = range_name.partition("/")
    digest = sha256(f"{range_name}/{created}/{slot}".encode()).hexdigest()[:DIGEST_LENGTH]
    return f"{namespace}/{name[: NAME_LENGTH_MAX - DIGEST_LENGTH - 1].rstrip('-.')}-{digest}"
