"""The bodies of the calls. Objects stay raw: they are decoded one by one, where they are needed."""

from msgspec import Raw, Struct

from hooks.api.kinds import RangeObject, RequestParent


class RangeBody(Struct, frozen=True, gc=False):
    """Body of POST /ipamrange/{sync,finalize}."""

    parent: RangeObject
    children: dict[str, dict[str, Raw]]
    related: dict[str, dict[str, Raw]]
    finalizing: bool = False


class RequestBody(Struct, frozen=True, gc=False):
    """Body of POST /ipamrequest/{sync,finalize}."""

    object: RequestParent
    related: dict[str, dict[str, Raw]]
    finalizing: bool = False


class RangeCustomizeBody(Struct, frozen=True, gc=False):
    """Body of POST /ipamrange/customize."""

    parent: RangeObject


class RequestCustomizeBody(Struct, frozen=True, gc=False):
    """Body of POST /ipamrequest/customize."""

    parent: RequestParent
