"""What the API server and the hooks would say about the spec of an object that is not created yet."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from hooks.api.conditions import listed
from hooks.api.names import API_VERSION, NamespacedName
from hooks.ranges.records import contradiction
from hooks.ranges.spec import Terms
from ipam.address import Prefix
from ipam.allocate import Claim
from ipam.claim_forms import IndexBeyondPool, InvalidClaim, parse_claim
from kubectl_ipam import shipped
from simulator.kubernetes.resources import Catalog

Spec = Mapping[str, Any]


@cache
def _catalog() -> Catalog:
    return Catalog.read(shipped.CRDS)


def rejection_of(kind: str, name: NamespacedName, spec: Spec) -> str:
    """Why the API server would reject an object with this spec, by its CRD; "" if it would not."""
    resource, obj = _catalog().of_kind(API_VERSION, kind), {"metadata": name._asdict(), "spec": spec}
    if unknown := resource.schema.unknown_fields(obj):
        is_none = "is no field" if len(unknown) == 1 else "are no fields"
        return f"{listed(unknown)} {is_none} of {kind}: check for a typing error"
    return listed(resource.schema.faults(obj, frozenset({"metadata"})) or resource.rules.faults(obj, None))


def contradiction_of(spec: Spec, block: Prefix, terms: Terms) -> str:
    """Why the spec of a request asks for something else than its block; "" if it asks for that."""
    text, size = spec.get("request", ""), spec.get("size") or block.length
    try:
        claim = parse_claim("", text, terms.pool) if text else Claim("", size)
    except IndexBeyondPool as beyond:
        claim = Claim("", beyond.length)
    except InvalidClaim as fault:
        return f"spec.request: {fault}"
    if not contradiction(text, claim, block):
        return ""
    return f"{block} is its block, but its spec asks for {text or f'/{size}'}: change one of them"
