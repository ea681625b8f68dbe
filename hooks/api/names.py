"""Names that the hooks, the manifests and the users must compute or spell alike."""

from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from zlib import crc32

from hooks.api.times import timestamp

GROUP = "ipam.mandelsoft.org"
API_VERSION = f"{GROUP}/v1alpha1"

RANGE_KIND = "IPAMRange"
REQUEST_KIND = "IPAMRequest"
SLICE_KIND = "IPAMAllocationSlice"
EXTENT_KIND = "IPAMExtent"

#: Keys of Metacontroller's object maps: "<kind>.<group>/<version>".
REQUEST_KEY = f"{REQUEST_KIND}.{API_VERSION}"
SLICE_KEY = f"{SLICE_KIND}.{API_VERSION}"
EXTENT_KEY = f"{EXTENT_KIND}.{API_VERSION}"
RANGE_KEY = f"{RANGE_KIND}.{API_VERSION}"
NAMESPACE_KEY = "Namespace.v1"

#: The kinds of other API groups whose objects get addresses, and ours that names a range for claims of all namespaces.
CLAIM_KIND = "IPAddressClaim"
SERVICE_KIND = "Service"
ALIAS_KIND = "IPAMRangeAlias"
ALIAS_KEY = f"{ALIAS_KIND}.{API_VERSION}"

#: On each request: the range that it names, so that one label selector finds all requests of a range.
RANGE_LABEL = f"{GROUP}/range"
#: On each extent: the domain in which its range lies, so that one label selector finds all extents of a domain.
DOMAIN_LABEL = f"{GROUP}/domain"
#: On each extent: the cell of the domain that contains its addresses (see ranges/cells.py).
CELL_LABEL = f"{GROUP}/cell"
#: On each granted request: its block, so that plain manifests carry it into a later life of the request.
CIDR_ANNOTATION = f"{GROUP}/cidr"
#: On a range, by its owner, while only requests with a recorded address are to be served. Every value counts: a hold
#: that is misspelt must not be none. On a request that delegates its block: its range is on hold from the start.
HOLD_ANNOTATION = f"{GROUP}/hold"
#: On each request that is attached to a claim: the kind of its owner. A DecoratorController selects them by it.
ATTACHED_TO_LABEL = f"{GROUP}/attached-to"
#: On a Service, by its owner: the range of its address, or one range for each of its families, separated by commas.
RANGES_ANNOTATION = f"{GROUP}/range"
#: On each claim and Service that got addresses: these, so that plain manifests carry them into a later life of it.
ADDRESSES_ANNOTATION = f"{GROUP}/addresses"
#: On a Service: why it has no address, or not the one that it shows.
MESSAGE_ANNOTATION = f"{GROUP}/message"
#: On a Service: uids of requests that it has given up. A stale cache may still show them as granted.
GIVEN_UP_ANNOTATION = f"{GROUP}/released-requests"
#: On a deleted request without an answer: since when that is known.
UNANSWERED_ANNOTATION = f"{GROUP}/unanswered-since"
#: On a range, by its owner: uids of holders that no longer exist, separated by commas (see ranges/releases.py).
RECLAIM_ANNOTATION = f"{GROUP}/reclaim"
#: On a range, by its owner: uids of former holders whose blocks need not cool down any longer, separated by commas.
END_COOLDOWN_ANNOTATION = f"{GROUP}/end-cooldown"
#: On an attached request, by a cluster administrator, who deletes it although its owner exists.
ALLOW_DELETION_ANNOTATION = f"{GROUP}/allow-deletion"
#: On an object that was observed without the marker of its schema: the last attempt to have it served in full.
REWRITTEN_ANNOTATION = f"{GROUP}/rewritten"
#: On each child, by Metacontroller: what the hook wanted it to be when it was written last, as JSON.
LAST_APPLIED_ANNOTATION = "metacontroller.k8s.io/last-applied-configuration"
#: On each attachment, by Metacontroller: the DecoratorController that has created it.
DECORATOR_ANNOTATION = "metacontroller.k8s.io/decorator-controller"
#: On each child, by Metacontroller (`generateSelector`): the uid of its parent.
CONTROLLER_UID_LABEL = "controller-uid"
#: On delegated ranges and on attachments of other objects: keeps them out of backups by Velero. Their owners make them
#: again after a restore, with other uids, from the blocks and addresses that the owners record.
NOT_IN_BACKUPS = {"velero.io/exclude-from-backup": "true"}
#: On ranges and requests: the shard whose Metacontroller serves them; without it, the default shard (see shards.py).
SHARD_LABEL = f"{GROUP}/shard"
#: Metacontroller derives them from the names of the controllers (metacontroller/ipamrange.yaml, ipamrequest.yaml). The
#: name of the controller of a shard, and so its finalizer, ends with "-" and the name of the shard.
RANGE_FINALIZER = "metacontroller.io/compositecontroller-ipamrange"
REQUEST_FINALIZER = "metacontroller.io/decoratorcontroller-ipamrequest"
#: On requests of claims: that of a controller in deploy/cluster-api (integrations/claimed_requests.py).
CLAIMED_FINALIZER = "metacontroller.io/decoratorcontroller-claimedrequest"


class NamespacedName(NamedTuple):
    """Namespace and name of an object; `str` gives "namespace/name"."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> "NamespacedName":
        """Read "namespace/name", or the name alone of an object that has no namespace."""
        namespace, _, name = text.rpartition("/")
        return cls(namespace, name)


_LABEL_VALUE_LENGTH_MAX = 63  # Kubernetes' limit, and that of a DNS label, which the names of slices keep to
_HASH_LENGTH = 10


def range_label(range_name: NamespacedName) -> str:
    """The label value for a range. A hint to find requests by: their spec says which range they name."""
    text = f"{range_name.namespace}.{range_name.name}"
    return text if len(text) <= _LABEL_VALUE_LENGTH_MAX else _cut(text, hashed=text)


#: The requests of a range that were created in the same second are divided among so many slices, so that an update of
#: one of them triggers fewer requests.
SLOTS = 2


def slice_name(range_name: NamespacedName, created: datetime, uid: str) -> str:
    """The name of the slice in which a range answers a request, given when that was created, and its uid.

    A function of the request alone, because the request's hook asks for the slice by name.
    """
    return _slice_name(range_name, created, slot(uid))


def slot(uid: str) -> int:
    """Which of the slices of its second a request is answered in."""
    return crc32(uid.encode()) % SLOTS


@lru_cache(maxsize=16384)
def _slice_name(range_name: NamespacedName, created: datetime, slot: int) -> str:
    return _cut(range_name.name, hashed=f"{range_name}/{timestamp(created)}/{slot}")


def domain_label(domain: str) -> str:
    """The label value for a domain. A hint as well: the extent's spec says which domain it is in."""
    return domain if len(domain) <= _LABEL_VALUE_LENGTH_MAX else _cut(domain, hashed=domain)


#: Domains with this prefix belong to delegated ranges (crds/ipamranges.yaml).
DELEGATED_DOMAIN_PREFIX = "delegated-"


def delegated_domain(request_uid: str) -> str:
    """The domain of the range to which a request delegates its block: no other range is in it."""
    return DELEGATED_DOMAIN_PREFIX + request_uid


def extent_name(range_name: str, range_uid: str, texts: list[str]) -> str:
    """The name of the extent by which a range announces these addresses."""
    return _cut(range_name, hashed="/".join([range_uid, *texts]))


def attached_name(kind: str, owner: NamespacedName, uid: str, range_name: NamespacedName) -> str:
    """The name of the request that gets an object an address of a range; another one for each life of the object."""
    return _cut(owner.name, hashed=f"{kind}/{owner}/{uid}/{range_name}")


def _cut(text: str, hashed: str) -> str:
    """As much of the text as fits, made unique by a hash; begins as the text does, and stays a valid name."""
    digest = sha256(hashed.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{text[: _LABEL_VALUE_LENGTH_MAX - _HASH_LENGTH - 1].rstrip('-.')}-{digest}"
