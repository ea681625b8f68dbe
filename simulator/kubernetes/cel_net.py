"""Kubernetes' CEL functions on IP addresses, CIDRs and lists.

cel-cpp can't hold Python objects, so an address is the map `{"ip": text}` and a CIDR the map `{"cidr": text}`, both in
canonical text. So equal values are equal maps, and `.masked()` on plain text is a missing overload, as in Kubernetes.
IPv4-mapped IPv6 addresses, zones and leading zeros are refused, and a CIDR may have host bits.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

from cel_expr_python import cel

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

BOOL, INT, STRING, DYN = cel.Type.BOOL, cel.Type.INT, cel.Type.STRING, cel.Type.DYN
MAP = cel.Type.Map(STRING, STRING)
_PREFIX_LENGTH = re.compile(r"0|[1-9][0-9]{0,2}")


def parse_ip(text: str) -> Address:
    """The address that `ip(text)` is in CEL. Raises ValueError, worded as in Kubernetes."""
    if "%" in text:
        raise ValueError(f'IP address "{text}" with zone value is not allowed')
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise ValueError(f'IP Address "{text}" parse error during conversion from string: {error}') from None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        raise ValueError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return address


def parse_cidr(text: str) -> Interface:
    """The CIDR that `cidr(text)` is in CEL, with its host bits. Raises ValueError, worded as in Kubernetes."""
    problem = "network address parse error during conversion from string"
    base, slash, length = text.partition("/")
    try:
        address = parse_ip(base)
    except ValueError as error:
        raise ValueError(f"{problem}: {error}") from None
    if not slash or not _PREFIX_LENGTH.fullmatch(length) or int(length) > address.max_prefixlen:
        raise ValueError(f'{problem}: invalid CIDR "{text}"')
    return ipaddress.ip_interface(f"{address}/{length}")


def _accepts(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def is_parsed(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return is_parsed


def _address(value: dict[str, str]) -> Address:
    if "ip" not in value:
        raise ValueError("no such overload: an IP address was expected")
    return ipaddress.ip_address(value["ip"])


def _interface(value: dict[str, str]) -> Interface:
    if "cidr" not in value:
        raise ValueError("no such overload: a CIDR was expected")
    return ipaddress.ip_interface(value["cidr"])


def _ip_value(address: Address) -> dict[str, str]:
    return {"ip": str(address)}


def _cidr_value(interface: Interface) -> dict[str, str]:
    return {"cidr": str(interface)}


def _masked(value: dict[str, str]) -> dict[str, str]:
    return {"cidr": str(_interface(value).network)}


def _contains_ip(outer: dict[str, str], address: Address) -> bool:
    return address in _interface(outer).network


def _contains_cidr(outer: dict[str, str], inner: Interface) -> bool:
    network = _interface(outer).network
    return inner.version == network.version and inner.ip in network and network.prefixlen <= inner.network.prefixlen


def _text(value: dict[str, str]) -> str:
    return value["cidr"] if "cidr" in value else str(_address(value))


def _text_of_scalar(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_sorted(items: Sequence[Any]) -> bool:
    return all(before <= after for before, after in itertools.pairwise(items))


#: (name, result, parameters, implementation, whether it is a method of the first parameter)
_Row = tuple[str, Any, list[Any], Callable[..., Any], bool]
_ROWS: list[_Row] = [
    ("isIP", BOOL, [STRING], _accepts(parse_ip), False),
    ("isCIDR", BOOL, [STRING], _accepts(parse_cidr), False),
    ("ip", MAP, [STRING], lambda text: _ip_value(parse_ip(text)), False),
    ("ip", MAP, [MAP], lambda value: _ip_value(_interface(value).ip), True),
    ("cidr", MAP, [STRING], lambda text: _cidr_value(parse_cidr(text)), False),
    ("ip.isCanonical", BOOL, [STRING], lambda text: str(parse_ip(text)) == text, False),
    ("family", INT, [MAP], lambda value: _address(value).version, True),
    ("isUnspecified", BOOL, [MAP], lambda value: _address(value).is_unspecified, True),
    ("isLoopback", BOOL, [MAP], lambda value: _address(value).is_loopback, True),
    ("masked", MAP, [MAP], _masked, True),
    ("prefixLength", INT, [MAP], lambda value: _interface(value).network.prefixlen, True),
    ("containsIP", BOOL, [MAP, MAP], lambda outer, inner: _contains_ip(outer, _address(inner)), True),
    ("containsIP", BOOL, [MAP, STRING], lambda outer, text: _contains_ip(outer, parse_ip(text)), True),
    ("containsCIDR", BOOL, [MAP, MAP], lambda outer, inner: _contains_cidr(outer, _interface(inner)), True),
    ("containsCIDR", BOOL, [MAP, STRING], lambda outer, text: _contains_cidr(outer, parse_cidr(text)), True),
    # cel-cpp allows no more overloads of `string`, so rules are compiled with this name instead.
    ("textOf", STRING, [MAP], _text, False),
    *(("textOf", STRING, [kind], _text_of_scalar, False) for kind in (STRING, INT, BOOL)),
    ("isSorted", BOOL, [cel.Type.LIST], _is_sorted, True),
    ("sum", DYN, [cel.Type.LIST], sum, True),
    ("min", DYN, [cel.Type.LIST], min, True),
    ("max", DYN, [cel.Type.LIST], max, True),
]


def function_declarations() -> list[Any]:
    """The declarations for a CEL environment."""
    overloads: dict[str, list[Any]] = {}
    for number, (name, result, parameters, implementation, is_member) in enumerate(_ROWS):
        overloads.setdefault(name, []).append(
            cel.Overload(
                f"{name}_{number}",
                return_type=result,
                parameters=parameters,
                is_member=is_member,
                impl=implementation,
            )
        )
    return [cel.FunctionDecl(name, rows) for name, rows in overloads.items()]
