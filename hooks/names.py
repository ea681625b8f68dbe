"""Names that several parties must compute or spell alike: the hooks, the manifests and the users."""

from hashlib import sha256

GROUP = "ipam.mandelsoft.org"
API_VERSION = f"{GROUP}/v1alpha1"

RANGE_KIND = "IPAMRange"
REQUEST_KIND = "IPAMRequest"
ALLOCATION_KIND = "IPAMAllocation"
EXTENT_KIND = "IPAMExtent"

#: Keys of Metacontroller's object maps: "<kind>.<group>/<version>".
REQUEST_KEY = f"{REQUEST_KIND}.{API_VERSION}"
ALLOCATION_KEY = f"{ALLOCATION_KIND}.{API_VERSION}"
EXTENT_KEY = f"{EXTENT_KIND}.{API_VERSION}"
NAMESPACE_KEY = "Namespace.v1"

#: On each request: the range that it names, so that one label selector finds all requests of a range.
RANGE_LABEL = f"{GROUP}/range"
#: On each extent: the domain in which its range lies, so that one label selector finds all extents of a domain.
DOMAIN_LABEL = f"{GROUP}/domain"
#: On each granted request: its block, so that plain manifests carry it into another life of the request.
CIDR_ANNOTATION = f"{GROUP}/cidr"
#: On a range, by its owner: "true" while only requests with a recorded address shall be served.
HOLD_ANNOTATION = f"{GROUP}/hold"
#: On a deleted request to which there is no answer: since when that is known.
SILENCE_ANNOTATION = f"{GROUP}/unanswered-since"
#: On a range, by its owner: uids of holders that are known to be gone, separated by commas (see ledger.py).
RECLAIM_ANNOTATION = f"{GROUP}/reclaim"
#: On each child, by Metacontroller (`generateSelector`): the uid of its parent.
CONTROLLER_UID_LABEL = "controller-uid"
#: Metacontroller derives it from the name of the DecoratorController (metacontroller/ipamrequest.yaml).
REQUEST_FINALIZER = "metacontroller.io/decoratorcontroller-ipamrequest"

_LABEL_VALUE_LENGTH_MAX = 63  # Kubernetes' limit, and that of a DNS label, which allocation names keep to
_HASH_LENGTH = 10


def range_label(namespace: str, name: str) -> str:
    """The label value for a range. A hint to find requests by: whose they are, their spec says."""
    text = f"{namespace}.{name}"
    return text if len(text) <= _LABEL_VALUE_LENGTH_MAX else _cut(text, hashed=text)


def allocation_name(range_namespace: str, range_name: str, namespace: str, name: str, uid: str) -> str:
    """The name of the allocation by which a range answers the request (namespace, name, uid).

    A function of the request alone, because the request's hook asks for it by name.
    """
    return _cut(name, hashed=f"{range_namespace}/{range_name}/{namespace}/{name}/{uid}")


def domain_text(namespace: str, domain: str) -> str:
    """The name of the domain that a range of this namespace says; without one it is the namespace's own.

    A domain that somebody names is a DNS label, so it can't have the dot.
    """
    return domain or f"namespace.{namespace}"


def domain_label(domain: str) -> str:
    """The label value for a domain, as `domain_text` names it. A hint as well: the extent's spec says which it is."""
    return domain if len(domain) <= _LABEL_VALUE_LENGTH_MAX else _cut(domain, hashed=domain)


def extent_name(range_name: str, range_uid: str, texts: list[str]) -> str:
    """The name of the extent by which a range announces these addresses."""
    return _cut(range_name, hashed="/".join([range_uid, *texts]))


def _cut(text: str, hashed: str) -> str:
    """As much of the text as fits, made unique by a hash; begins as the text does, and stays a valid name."""
    digest = sha256(hashed.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{text[: _LABEL_VALUE_LENGTH_MAX - _HASH_LENGTH - 1].rstrip('-.')}-{digest}"
