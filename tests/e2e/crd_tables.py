"""Cases for the CEL rules of the CRDs: refused objects with the messages of their rules, and accepted objects.

Each row has the name of the case, the spec, and a part of the message. `test_crd_rules.py` runs the cases and checks
that every rule of every CRD has a row.
"""

from __future__ import annotations

from controlplane.api import Obj
from controlplane.objects import answer_item
from tests.e2e.crd_writes import ANSWER_WRITES, LEDGER_WRITES

#: The most answers in one slice.
ANSWERS_MAX = 1024

Row = tuple[str, str, Obj, str]
Change = tuple[str, str, Obj, Obj, str]

NOT_A_RANGE = "must be an address (10.0.2.7), an interval (10.0.1.5-10.0.1.99) or a CIDR (10.0.0.0/24)"
HOST_BITS = "a CIDR must not have host bits set"
NOT_CANONICAL = "must be in canonical form"
BACKWARDS = "an interval must begin with the lower address"
ONE_FAMILY = "ranges must have one address family: all IPv4 or all IPv6"
EXCLUDES_FAMILY = "excludes must have the same address family as ranges"
CHUNK_SIZE = "chunkSize is too long for an IPv4 range; IPv4 prefix lengths are 0..32"
GATEWAY = "must be an address, such as 10.0.0.1"
GATEWAY_FAMILY = "the gateway must have the same address family as ranges"
NAME_SERVER = "must be the address of a name server, such as 10.0.0.53"
ADDRESS_TEXT = "must be an address in canonical form"
PREFIX_LENGTH = "prefixLength is too long for an IPv4 range; IPv4 prefix lengths are 0..32"
NO_SELECTOR = '"from: Selector" needs a selector'
SELECTOR = 'a selector needs "from: Selector"'
LABEL_KEY = "must be a label key, such as team or example.com/team"
LABEL_KEY_LENGTH = "a label key has at most 317 characters"
LABEL_VALUES = "values must be set for In and NotIn, and must not be set for Exists and DoesNotExist"
NOT_A_REQUEST = (
    "must be a CIDR (10.0.0.16/28), an address (10.0.0.5), #10 (addresses), /28, %4 (host bits), 3/28 or 3/%4 (index 3)"
)
SIZE_AND_REQUEST = "size and request exclude each other: remove size (request can be a size, too, such as /28)"
READY_ANSWER = "cidr and revision must be set if state is Ready"
ANSWER_REQUEST = "request is immutable"
ANSWER_CIDR = "cidr is immutable once set"
ANSWER_NETWORK = "the fields of network are immutable once cidr is set"
SLICE_RANGE = "range is immutable"
CHUNK_SIZE_STAYS = (
    "chunkSize is immutable, because requests without a size rely on it: set size in new requests, or create another"
    " IPAMRange"
)
DOMAIN = "domain is immutable, because the blocks are unique in it: create another IPAMRange"
MODE = "mode is immutable, because it decided which blocks were allocated: create another IPAMRange"
RESERVED = (
    "allocateReservedIPAddresses is immutable, because it decided which addresses were allocated: create another"
    " IPAMRange"
)
DELEGATED_FROM = "delegatedFrom is immutable, because the range ends with that request"
DELEGATED_RANGES = "the ranges of a delegated range are immutable, because they are the block of its request"
DELEGATED_DOMAIN = (
    "domains that begin with delegated- belong to delegated ranges: delegatedFrom.uid must be the rest of the name"
)
NOT_A_BLOCK = "must be a CIDR (10.0.0.16/28) or an address (10.0.0.5)"
RESERVATIONS_FAMILY = "reservations must have the same address family as ranges"
RANGES_STAY = "entries of ranges must not be removed while they are in use"
REQUEST_SPEC = "spec is immutable; create another IPAMRequest instead"
EXTENT = "range, domain and ranges are immutable"
EXTENT_NUMBER = "number is immutable once set"
EXTENT_WITHDRAWN = "entries of withdrawn must not be removed"


def _ranges(*ranges: str, **spec: object) -> Obj:
    return {"ranges": list(ranges), **spec}


def _delegated(*ranges: str, uid: str = "u1", **spec: object) -> Obj:
    """The spec of a delegated range."""
    return _ranges(*ranges, **{"domain": "delegated-u1", "delegatedFrom": {"name": "site", "uid": uid}} | spec)


def _reserving(*cidrs: str, range_: str = "10.0.0.0/24", **holder: object) -> Obj:
    holder = {"kind": "IPAMRequest", "name": "db"} | holder
    return _ranges(range_, reservations=[{"cidr": cidr, "holder": holder} for cidr in cidrs])


def _network(range_: str = "10.0.0.0/24", **network: object) -> Obj:
    return _ranges(range_, network=network)


def _allowing(source: str | None, selector: Obj | None = None) -> Obj:
    allowed = {"from": source} | {"selector": selector}
    return _ranges("10.0.0.0/24", allowedNamespaces={key: value for key, value in allowed.items() if value is not None})


def _quota(addresses: object = None, **namespaces: object) -> Obj:
    listed = [{"name": name, "addresses": count} for name, count in namespaces.items()]
    quota = ({} if addresses is None else {"addresses": addresses}) | ({"namespaces": listed} if listed else {})
    return _ranges("10.0.0.0/24", quota=quota)


def _by_labels(**labels: str) -> Obj:
    return _allowing("Selector", {"matchLabels": {key.replace("__", "/"): value for key, value in labels.items()}})


def _by_expression(operator: str, *values: str, key: str = "team") -> Obj:
    expression: Obj = {"key": key, "operator": operator} | ({"values": list(values)} if values else {})
    return _allowing("Selector", {"matchExpressions": [expression]})


def _wanted(text: str) -> Obj:
    return {"ipam": {"name": "net"}, "request": text}


def _slice(*answers: Obj, range_name: str = "net") -> Obj:
    return {"range": range_name, "schemaV1": True, "answers": list(answers)}


def _many(**answer: object) -> Obj:
    """A slice with as many answers as there may be, with the longest names and uids."""
    request = f"{'n' * 63}/{'r' * 253}"
    return _slice(*(answer_item(request, f"{number:063}", **answer) for number in range(ANSWERS_MAX)))


def _extent(*ranges: str, **more: object) -> Obj:
    return {"range": "net", "domain": "corp", "ranges": list(ranges)} | more


#: Case, kind, spec, message.
REFUSED: list[Row] = [
    ("word", "IPAMRange", _ranges("net"), NOT_A_RANGE),
    ("five numbers", "IPAMRange", _ranges("10.0.0.0.0/24"), NOT_A_RANGE),
    ("number too large", "IPAMRange", _ranges("10.0.0.256"), NOT_A_RANGE),
    ("leading zero", "IPAMRange", _ranges("010.0.0.0/24"), NOT_A_RANGE),
    ("netmask", "IPAMRange", _ranges("10.0.0.0/255.255.255.0"), NOT_A_RANGE),
    ("length too long", "IPAMRange", _ranges("10.0.0.0/33"), NOT_A_RANGE),
    ("IPv6 length too long", "IPAMRange", _ranges("2001:db8::/129"), NOT_A_RANGE),
    ("mapped IPv4", "IPAMRange", _ranges("::ffff:10.0.0.1"), NOT_A_RANGE),
    ("zone", "IPAMRange", _ranges("fe80::1%eth0"), NOT_A_RANGE),
    ("blank", "IPAMRange", _ranges(" 10.0.0.1"), NOT_A_RANGE),
    ("interval without end", "IPAMRange", _ranges("10.0.0.1-"), NOT_A_RANGE),
    ("interval of three", "IPAMRange", _ranges("10.0.0.1-10.0.0.2-10.0.0.3"), NOT_A_RANGE),
    ("interval of CIDRs", "IPAMRange", _ranges("10.0.0.0/24-10.0.1.0/24"), NOT_A_RANGE),
    ("interval of two families", "IPAMRange", _ranges("10.0.0.1-2001:db8::1"), NOT_A_RANGE),
    ("second text", "IPAMRange", _ranges("10.0.0.1", "nonsense"), NOT_A_RANGE),
    ("host bits", "IPAMRange", _ranges("10.0.0.1/24"), f"{HOST_BITS}: write 10.0.0.0/24"),
    ("IPv6 host bits", "IPAMRange", _ranges("2001:db8::1/64"), f"{HOST_BITS}: write 2001:db8::/64"),
    ("upper case and host bits", "IPAMRange", _ranges("FD00::1/64"), f"{NOT_CANONICAL}: write fd00::/64"),
    ("upper case", "IPAMRange", _ranges("2001:DB8::/32"), f"{NOT_CANONICAL}: write 2001:db8::/32"),
    ("long IPv6", "IPAMRange", _ranges("2001:db8:0:0::/64"), f"{NOT_CANONICAL}: write 2001:db8::/64"),
    ("upper case address", "IPAMRange", _ranges("2001:DB8::1"), f"{NOT_CANONICAL}: write 2001:db8::1"),
    (
        "upper case interval",
        "IPAMRange",
        _ranges("2001:db8::1-2001:DB8::2"),
        f"{NOT_CANONICAL}: write 2001:db8::1-2001:db8::2",
    ),
    ("backwards", "IPAMRange", _ranges("10.0.0.9-10.0.0.1"), f"{BACKWARDS}: write 10.0.0.1-10.0.0.9"),
    ("backwards by the first number", "IPAMRange", _ranges("11.0.0.0-10.255.255.255"), BACKWARDS),
    ("two families", "IPAMRange", _ranges("10.0.0.0/24", "2001:db8::/64"), ONE_FAMILY),
    ("IPv4 after IPv6", "IPAMRange", _ranges("2001:db8::/64", "10.0.0.0/24"), ONE_FAMILY),
    ("excluded word", "IPAMRange", _ranges("10.0.0.0/24", excludes=["net"]), NOT_A_RANGE),
    ("reserved word", "IPAMRange", _reserving("net"), NOT_A_BLOCK),
    ("reserved interval", "IPAMRange", _reserving("10.0.0.1-10.0.0.2"), NOT_A_BLOCK),
    ("reserved netmask", "IPAMRange", _reserving("10.0.0.0/255.255.255.0"), NOT_A_BLOCK),
    ("reserved mapped IPv4", "IPAMRange", _reserving("::ffff:10.0.0.1"), NOT_A_BLOCK),
    ("second reservation", "IPAMRange", _reserving("10.0.0.1", "nonsense"), NOT_A_BLOCK),
    ("reserved host bits", "IPAMRange", _reserving("10.0.0.1/30"), f"{HOST_BITS}: write 10.0.0.0/30"),
    (
        "reserved upper case",
        "IPAMRange",
        _reserving("2001:DB8::1", range_="2001:db8::/64"),
        f"{NOT_CANONICAL}: write 2001:db8::1",
    ),
    (
        "reserved upper case and host bits",
        "IPAMRange",
        _reserving("FD00::1/64", range_="fd00::/48"),
        f"{NOT_CANONICAL}: write fd00::/64",
    ),
    ("reservation of another family", "IPAMRange", _reserving("2001:db8::1"), RESERVATIONS_FAMILY),
    (
        "excluded host bits",
        "IPAMRange",
        _ranges("10.0.0.0/24", excludes=["10.0.0.1/30"]),
        f"{HOST_BITS}: write 10.0.0.0/30",
    ),
    (
        "excluded upper case",
        "IPAMRange",
        _ranges("2001:db8::/64", excludes=["2001:DB8::1"]),
        f"{NOT_CANONICAL}: write 2001:db8::1",
    ),
    (
        "excluded backwards",
        "IPAMRange",
        _ranges("10.0.0.0/24", excludes=["10.0.0.9-10.0.0.1"]),
        f"{BACKWARDS}: write 10.0.0.1-10.0.0.9",
    ),
    ("excludes of IPv6", "IPAMRange", _ranges("10.0.0.0/24", excludes=["10.0.0.1", "::1"]), EXCLUDES_FAMILY),
    ("excludes of IPv4", "IPAMRange", _ranges("2001:db8::/64", excludes=["10.0.0.1"]), EXCLUDES_FAMILY),
    ("chunkSize of IPv6", "IPAMRange", _ranges("10.0.0.0/24", chunkSize=33), CHUNK_SIZE),
    ("word as gateway", "IPAMRange", _network(gateway="router"), GATEWAY),
    ("CIDR as gateway", "IPAMRange", _network(gateway="10.0.0.1/24"), GATEWAY),
    (
        "long gateway",
        "IPAMRange",
        _network("2001:db8::/64", gateway="2001:db8:0:0::1"),
        f"{ADDRESS_TEXT}: write 2001:db8::1",
    ),
    ("IPv6 gateway", "IPAMRange", _network(gateway="2001:db8::1"), GATEWAY_FAMILY),
    ("IPv4 gateway", "IPAMRange", _network("2001:db8::/64", gateway="10.0.0.1"), GATEWAY_FAMILY),
    ("prefixLength of IPv6", "IPAMRange", _network(prefixLength=33), PREFIX_LENGTH),
    ("word as name server", "IPAMRange", _network(dnsServers=["10.0.0.53", "dns"]), NAME_SERVER),
    (
        "upper case name server",
        "IPAMRange",
        _network(dnsServers=["2001:DB8::53"]),
        f"{ADDRESS_TEXT}: write 2001:db8::53",
    ),
    ("domain of delegated ranges", "IPAMRange", _ranges("10.0.0.0/24", domain="delegated-u1"), DELEGATED_DOMAIN),
    ("delegated, of another domain", "IPAMRange", _delegated("10.0.0.0/24", domain="corp"), DELEGATED_DOMAIN),
    ("delegated, another uid", "IPAMRange", _delegated("10.0.0.0/24", uid="u2"), DELEGATED_DOMAIN),
    ("Selector without selector", "IPAMRange", _allowing("Selector"), NO_SELECTOR),
    ("selector without Selector", "IPAMRange", _allowing("All", {}), SELECTOR),
    ("selector by default", "IPAMRange", _allowing(None, {}), SELECTOR),
    ("blank in a key", "IPAMRange", _allowing("Selector", {"matchLabels": {"a team": "x"}}), LABEL_KEY),
    ("key of two slashes", "IPAMRange", _by_labels(a__b__c="x"), LABEL_KEY),
    ("long key", "IPAMRange", _by_labels(**{"k" * 64: "x"}), LABEL_KEY),
    ("very long key", "IPAMRange", _by_labels(**{"a." * 200 + "com__team": "x"}), LABEL_KEY_LENGTH),
    ("In without values", "IPAMRange", _by_expression("In"), LABEL_VALUES),
    ("NotIn without values", "IPAMRange", _by_expression("NotIn"), LABEL_VALUES),
    ("Exists with values", "IPAMRange", _by_expression("Exists", "a"), LABEL_VALUES),
    ("DoesNotExist with values", "IPAMRange", _by_expression("DoesNotExist", "a"), LABEL_VALUES),
    ("word", "IPAMRequest", _wanted("any"), NOT_A_REQUEST),
    ("interval", "IPAMRequest", _wanted("10.0.0.1-10.0.0.2"), NOT_A_REQUEST),
    ("leading zero", "IPAMRequest", _wanted("10.0.0.01"), NOT_A_REQUEST),
    ("length too long", "IPAMRequest", _wanted("10.0.0.0/33"), NOT_A_REQUEST),
    ("count of 0", "IPAMRequest", _wanted("#0"), NOT_A_REQUEST),
    ("count without number", "IPAMRequest", _wanted("#"), NOT_A_REQUEST),
    ("count with zeros", "IPAMRequest", _wanted("#010"), NOT_A_REQUEST),
    ("count with a length", "IPAMRequest", _wanted("#10/28"), NOT_A_REQUEST),
    ("count of 40 digits", "IPAMRequest", _wanted("#" + "9" * 40), NOT_A_REQUEST),
    ("negative count", "IPAMRequest", _wanted("#-1"), NOT_A_REQUEST),
    ("slash alone", "IPAMRequest", _wanted("/"), NOT_A_REQUEST),
    ("length of 129", "IPAMRequest", _wanted("/129"), NOT_A_REQUEST),
    ("length with zeros", "IPAMRequest", _wanted("/028"), NOT_A_REQUEST),
    ("length and a line", "IPAMRequest", _wanted("/28\n"), NOT_A_REQUEST),
    ("host bits of 129", "IPAMRequest", _wanted("%129"), NOT_A_REQUEST),
    ("host bits behind a slash", "IPAMRequest", _wanted("/%4"), NOT_A_REQUEST),
    ("index without length", "IPAMRequest", _wanted("3/"), NOT_A_REQUEST),
    ("index alone", "IPAMRequest", _wanted("3"), NOT_A_REQUEST),
    ("index with zeros", "IPAMRequest", _wanted("03/28"), NOT_A_REQUEST),
    ("negative index", "IPAMRequest", _wanted("-3/28"), NOT_A_REQUEST),
    ("index of a count", "IPAMRequest", _wanted("3/#4"), NOT_A_REQUEST),
    ("length of 130 with index", "IPAMRequest", _wanted("3/130"), NOT_A_REQUEST),
    ("host bits", "IPAMRequest", _wanted("10.0.0.5/28"), f"{HOST_BITS}: write 10.0.0.0/28"),
    ("upper case", "IPAMRequest", _wanted("2001:DB8::/64"), f"{NOT_CANONICAL}: write 2001:db8::/64"),
    ("upper case address", "IPAMRequest", _wanted("2001:DB8::1"), f"{NOT_CANONICAL}: write 2001:db8::1"),
    ("a block and a size", "IPAMRequest", _wanted("10.0.0.16/28") | {"size": 28}, SIZE_AND_REQUEST),
    ("a count and a size", "IPAMRequest", _wanted("#10") | {"size": 28}, SIZE_AND_REQUEST),
    ("Ready without cidr", "IPAMAllocationSlice", _slice(answer_item(state="Ready", revision=1)), READY_ANSWER),
    (
        "Ready without revision",
        "IPAMAllocationSlice",
        _slice(answer_item(state="Ready", cidr="10.0.0.0/28")),
        READY_ANSWER,
    ),
    (
        "second answer Ready without cidr",
        "IPAMAllocationSlice",
        _slice(answer_item(), answer_item("team/db", "u2", state="Ready", revision=1)),
        READY_ANSWER,
    ),
]

_READY: Obj = {"state": "Ready", "revision": 3, "cidr": "10.0.0.0/28"}
_GRANTED = answer_item(**_READY)
_NETWORK = {"gateway": "10.0.0.1", "prefixLength": 24, "dnsServers": ["10.0.0.53"]}
_WITH_NETWORK = _GRANTED | {"network": _NETWORK}
_OTHER = answer_item("team/db", "u2", **_READY | {"cidr": "10.0.0.16/28"})
#: An answer with the longest text in each field.
_LONGEST: Obj = {
    "state": "Ready",
    "revision": 2**62,
    "cidr": "1111:2222:3333:4444:5555:6666:7777:8888/128",
    "network": {
        "gateway": "1111:2222:3333:4444:5555:6666:7777:8888",
        "prefixLength": 128,
        "dnsServers": ["1111:2222:3333:4444:5555:6666:7777:8888"] * 8,
    },
    "reason": "r" * 64,
    "message": "m" * 256,
}

#: Case, kind, spec.
ACCEPTED: list[tuple[str, str, Obj]] = [
    ("CIDR", "IPAMRange", _ranges("10.0.0.0/24")),
    ("everything of IPv4", "IPAMRange", _ranges("0.0.0.0/0")),
    ("everything of IPv6", "IPAMRange", _ranges("::/0")),
    ("address", "IPAMRange", _ranges("10.0.2.7")),
    ("interval", "IPAMRange", _ranges("10.0.1.5-10.0.1.99")),
    ("interval of one", "IPAMRange", _ranges("10.0.1.5-10.0.1.5")),
    ("interval over all numbers", "IPAMRange", _ranges("9.255.255.255-10.0.0.0")),
    ("full IPv4 interval", "IPAMRange", _ranges("0.0.0.0-255.255.255.255")),
    ("IPv6 interval", "IPAMRange", _ranges("2001:db8::1-2001:db8::ff")),
    ("longest IPv6 interval", "IPAMRange", _ranges("-".join(["1111:2222:3333:4444:5555:6666:7777:8888"] * 2))),
    ("mixed forms", "IPAMRange", _ranges("10.0.0.0/24", "10.0.1.5-10.0.1.99", "10.0.2.7")),
    ("most texts", "IPAMRange", _ranges(*(f"10.{number}.0.0/16" for number in range(256)))),
    ("most IPv6 texts", "IPAMRange", _ranges(*(f"2001:db8:{number + 1:x}::/48" for number in range(256)))),
    ("RoundRobin", "IPAMRange", _ranges("10.0.0.0/24", mode="RoundRobin")),
    ("FirstFit", "IPAMRange", _ranges("10.0.0.0/24", mode="FirstFit")),
    ("excludes", "IPAMRange", _ranges("10.0.0.0/24", excludes=["10.0.0.0", "10.0.0.4/30", "10.0.0.9-10.0.0.11"])),
    ("no excludes", "IPAMRange", _ranges("10.0.0.0/24", excludes=[])),
    (
        "most excludes",
        "IPAMRange",
        _ranges("::/0", excludes=[f"2001:db8:{number + 1:x}::/48" for number in range(256)]),
    ),
    ("reservations", "IPAMRange", _reserving("10.0.0.1", "10.0.0.16/28", kind="IPAddressClaim", namespace="team")),
    ("reserved twice in two forms", "IPAMRange", _reserving("10.0.0.1", "10.0.0.1/32")),
    ("reservation outside", "IPAMRange", _reserving("10.9.9.9")),
    (
        "most reservations with the longest texts",
        "IPAMRange",
        _reserving(
            *(f"1111:2222:3333:4444:5555:6666:7777:{number + 4096:x}/128" for number in range(256)),
            range_="::/0",
            kind="K" * 63,
            namespace="n" * 63,
            name="n" * 253,
        ),
    ),
    ("IPv4 chunkSize", "IPAMRange", _ranges("10.0.0.0/24", chunkSize=32)),
    ("IPv6 chunkSize", "IPAMRange", _ranges("2001:db8::/64", chunkSize=128)),
    ("chunkSize 0", "IPAMRange", _ranges("10.0.0.0/24", chunkSize=0)),
    ("network", "IPAMRange", _network(gateway="10.0.0.1", prefixLength=32, dnsServers=["10.0.0.53", "2001:db8::53"])),
    ("IPv6 network", "IPAMRange", _network("2001:db8::/64", gateway="fe80::1", prefixLength=128)),
    ("network without anything", "IPAMRange", _network()),
    ("reserved addresses allocated", "IPAMRange", _ranges("10.0.0.0/24", allocateReservedIPAddresses=True)),
    ("gateway outside", "IPAMRange", _network(gateway="10.9.9.9", prefixLength=0)),
    ("from Same", "IPAMRange", _allowing("Same")),
    ("from All", "IPAMRange", _allowing("All")),
    ("empty selector", "IPAMRange", _allowing("Selector", {})),
    ("labels", "IPAMRange", _by_labels(team="a", **{"example.com__tier": ""})),
    ("In", "IPAMRange", _by_expression("In", "a", "", key="kubernetes.io/metadata.name")),
    ("NotIn", "IPAMRange", _by_expression("NotIn", "a")),
    ("Exists", "IPAMRange", _by_expression("Exists")),
    ("DoesNotExist", "IPAMRange", _by_expression("DoesNotExist")),
    ("quota", "IPAMRange", _quota(64, team=256)),
    ("quota of nothing", "IPAMRange", _quota(0, team="0")),
    ("quota of one namespace", "IPAMRange", _quota(team="64")),
    ("quota without a limit", "IPAMRange", _quota()),
    ("quota of all addresses", "IPAMRange", _quota(str(2**128))),
    ("most quotas", "IPAMRange", _quota(**{f"{number:063}": str(2**128) for number in range(256)})),
    ("smallest", "IPAMRequest", {"ipam": {"name": "net"}}),
    ("other namespace", "IPAMRequest", {"ipam": {"name": "net", "namespace": "team-b"}}),
    ("name with dots", "IPAMRequest", {"ipam": {"name": "net.example.com"}}),
    ("size 0", "IPAMRequest", {"ipam": {"name": "net"}, "size": 0}),
    ("IPv6 size", "IPAMRequest", {"ipam": {"name": "net"}, "size": 128}),
    ("dedicated CIDR", "IPAMRequest", _wanted("10.0.0.16/28")),
    ("dedicated address", "IPAMRequest", _wanted("10.0.0.5")),
    ("dedicated IPv6 CIDR", "IPAMRequest", _wanted("2001:db8::/64")),
    ("dedicated IPv6 address", "IPAMRequest", _wanted("2001:db8::1")),
    *(
        (f"form {text}", "IPAMRequest", _wanted(text))
        for text in ("#1", "#10", f"#{2**128}", "/0", "/28", "/128", "%0", "%4", "%128", "0/28", "3/28", "3/%4", "0/%0")
    ),
    ("index of 39 digits", "IPAMRequest", _wanted(f"{2**128 - 1}/128")),
    ("dedicated and size 0", "IPAMRequest", _wanted("10.0.0.16/28") | {"size": 0}),
    ("domain", "IPAMRange", _ranges("10.0.0.0/24", domain="corp-1")),
    ("longest domain", "IPAMRange", _ranges("10.0.0.0/24", domain="d" * 63)),
    ("interval", "IPAMExtent", _extent("10.0.0.0-10.0.0.255")),
    ("most texts", "IPAMExtent", _extent(*["1111:2222:3333:4444:5555:6666:7777:8888"] * 512)),
    ("no answers", "IPAMAllocationSlice", _slice()),
    ("Busy", "IPAMAllocationSlice", _slice(answer_item())),
    ("Released", "IPAMAllocationSlice", _slice(answer_item(state="Released", revision=3))),
    ("Ready", "IPAMAllocationSlice", _slice(_GRANTED)),
    ("two answers of one request", "IPAMAllocationSlice", _slice(answer_item(), answer_item(uid="u2"))),
    ("most answers with the longest texts", "IPAMAllocationSlice", _many(**_LONGEST)),
]

#: Case, kind, spec before, spec after, message: refused when the object is replaced.
REFUSED_CHANGES: list[Change] = [
    ("ranges", "IPAMRange", _ranges("10.0.0.0/24"), _ranges("10.0.0.0/25"), f"{RANGES_STAY}: keep 10.0.0.0/24"),
    ("a larger range instead", "IPAMRange", _ranges("10.0.0.0/24"), _ranges("10.0.0.0/23"), RANGES_STAY),
    (
        "a range less",
        "IPAMRange",
        _ranges("10.0.0.0/24", "10.1.0.0/24"),
        _ranges("10.0.0.0/24", "10.2.0.0/24"),
        f"{RANGES_STAY}: keep 10.1.0.0/24, add",
    ),
    (
        "a range more, and another chunkSize",
        "IPAMRange",
        _ranges("10.0.0.0/24"),
        _ranges("10.0.0.0/24", "10.1.0.0/24", chunkSize=28),
        CHUNK_SIZE_STAYS,
    ),
    (
        "a range of another family more",
        "IPAMRange",
        _ranges("10.0.0.0/24"),
        _ranges("10.0.0.0/24", "2001:db8::/64"),
        ONE_FAMILY,
    ),
    ("chunkSize added", "IPAMRange", _ranges("10.0.0.0/24"), _ranges("10.0.0.0/24", chunkSize=28), CHUNK_SIZE_STAYS),
    ("chunkSize removed", "IPAMRange", _ranges("10.0.0.0/24", chunkSize=28), _ranges("10.0.0.0/24"), CHUNK_SIZE_STAYS),
    ("mode", "IPAMRange", _ranges("10.0.0.0/24"), _ranges("10.0.0.0/24", mode="RoundRobin"), MODE),
    (
        "delegatedFrom changed",
        "IPAMRange",
        _delegated("10.0.0.0/24"),
        _delegated("10.0.0.0/24", delegatedFrom={"name": "other", "uid": "u1"}),
        DELEGATED_FROM,
    ),
    (
        "delegated range grows",
        "IPAMRange",
        _delegated("10.0.0.0/24"),
        _delegated("10.0.0.0/24", "10.0.1.0/24"),
        DELEGATED_RANGES,
    ),
    ("domain added", "IPAMRange", _ranges("10.0.0.0/24"), _ranges("10.0.0.0/24", domain="lab"), DOMAIN),
    (
        "allocateReservedIPAddresses added",
        "IPAMRange",
        _ranges("10.0.0.0/24"),
        _ranges("10.0.0.0/24", allocateReservedIPAddresses=True),
        RESERVED,
    ),
    ("range", "IPAMRequest", {"ipam": {"name": "net"}}, {"ipam": {"name": "other"}}, REQUEST_SPEC),
    (
        "namespace added",
        "IPAMRequest",
        {"ipam": {"name": "a"}},
        {"ipam": {"name": "a", "namespace": "b"}},
        REQUEST_SPEC,
    ),
    ("size added", "IPAMRequest", {"ipam": {"name": "a"}}, {"ipam": {"name": "a"}, "size": 28}, REQUEST_SPEC),
    ("wanted block removed", "IPAMRequest", _wanted("10.0.0.5"), {"ipam": {"name": "net"}}, REQUEST_SPEC),
    ("range", "IPAMAllocationSlice", _slice(), _slice(range_name="other"), SLICE_RANGE),
    ("request", "IPAMAllocationSlice", _slice(answer_item()), _slice(answer_item("team/db")), ANSWER_REQUEST),
    ("cidr", "IPAMAllocationSlice", _slice(_GRANTED), _slice(_GRANTED | {"cidr": "10.0.0.16/28"}), ANSWER_CIDR),
    ("cidr removed", "IPAMAllocationSlice", _slice(_GRANTED), _slice(answer_item()), ANSWER_CIDR),
    (
        "cidr of an answer whose place has changed",
        "IPAMAllocationSlice",
        _slice(_GRANTED, _OTHER),
        _slice(_OTHER | {"cidr": "10.0.0.32/28"}),
        ANSWER_CIDR,
    ),
    (
        "blocks of two answers exchanged",
        "IPAMAllocationSlice",
        _slice(_GRANTED, _OTHER),
        _slice(_GRANTED | {"cidr": _OTHER["cidr"]}, _OTHER | {"cidr": _GRANTED["cidr"]}),
        ANSWER_CIDR,
    ),
    ("network removed", "IPAMAllocationSlice", _slice(_WITH_NETWORK), _slice(_GRANTED), ANSWER_NETWORK),
    *(
        (
            f"{field} {word}",
            "IPAMAllocationSlice",
            _slice(_WITH_NETWORK),
            _slice(_GRANTED | {"network": network}),
            ANSWER_NETWORK,
        )
        for field, other in (("gateway", "10.0.0.2"), ("prefixLength", 25), ("dnsServers", ["10.0.0.53", "10.0.0.54"]))
        for word, network in (
            ("changed", _NETWORK | {field: other}),
            ("removed", {key: value for key, value in _NETWORK.items() if key != field}),
        )
    ),
    ("domain", "IPAMRange", _ranges("10.0.0.0/24"), _ranges("10.0.0.0/24", domain="corp"), DOMAIN),
    ("addresses", "IPAMExtent", _extent("10.0.0.1"), _extent("10.0.0.1", "10.0.0.2"), EXTENT),
    ("domain", "IPAMExtent", _extent("10.0.0.1"), _extent("10.0.0.1", domain="lab"), EXTENT),
    ("range", "IPAMExtent", _extent("10.0.0.1"), _extent("10.0.0.1", range="other"), EXTENT),
    ("number", "IPAMExtent", _extent("10.0.0.1", number=7), _extent("10.0.0.1", number=8), EXTENT_NUMBER),
    ("number removed", "IPAMExtent", _extent("10.0.0.1", number=7), _extent("10.0.0.1"), EXTENT_NUMBER),
    (
        "withdrawn removed",
        "IPAMExtent",
        _extent("10.0.0.1-10.0.0.9", withdrawn=["10.0.0.4", "10.0.0.6"]),
        _extent("10.0.0.1-10.0.0.9", withdrawn=["10.0.0.4"]),
        EXTENT_WITHDRAWN,
    ),
    ("number and more", "IPAMExtent", _extent("10.0.0.1"), _extent("10.0.0.2", number=7), EXTENT),
]

#: Case, kind, spec before, spec after: accepted when the object is replaced.
ACCEPTED_CHANGES: list[tuple[str, str, Obj, Obj]] = [
    ("number", "IPAMExtent", _extent("10.0.0.1"), _extent("10.0.0.1", number=7)),
    (
        "number beside namespaces",
        "IPAMExtent",
        _extent("10.0.0.1", allowedNamespaces={"from": "All"}),
        _extent("10.0.0.1", allowedNamespaces={"from": "All"}, number=7),
    ),
    (
        "withdrawn more",
        "IPAMExtent",
        _extent("10.0.0.1-10.0.0.9", withdrawn=["10.0.0.4"]),
        _extent("10.0.0.1-10.0.0.9", withdrawn=["10.0.0.4", "10.0.0.6"]),
    ),
    ("namespaces", "IPAMExtent", _extent("10.0.0.1", allowedNamespaces={"from": "All"}), _extent("10.0.0.1")),
    ("nothing", "IPAMRange", _ranges("10.0.0.0/24"), _ranges("10.0.0.0/24")),
    ("excludes", "IPAMRange", _ranges("10.0.0.0/24"), _ranges("10.0.0.0/24", excludes=["10.0.0.0"])),
    ("excludes removed", "IPAMRange", _ranges("10.0.0.0/24", excludes=["10.0.0.0"]), _ranges("10.0.0.0/24")),
    ("closed", "IPAMRange", _ranges("10.0.0.0/24"), _ranges("10.0.0.0/24", closed=True)),
    ("opened", "IPAMRange", _ranges("10.0.0.0/24", closed=True), _ranges("10.0.0.0/24", closed=False)),
    ("cooldownSeconds", "IPAMRange", _ranges("10.0.0.0/24"), _ranges("10.0.0.0/24", cooldownSeconds=60)),
    ("description", "IPAMRange", _ranges("10.0.0.0/24"), _ranges("10.0.0.0/24", description="d")),
    ("network", "IPAMRange", _network(gateway="10.0.0.1"), _network(gateway="10.0.0.2")),
    ("allowedNamespaces", "IPAMRange", _ranges("10.0.0.0/24"), _allowing("All")),
    ("selector", "IPAMRange", _by_labels(team="a"), _by_labels(team="b")),
    ("quota added", "IPAMRange", _ranges("10.0.0.0/24"), _quota(64, team=256)),
    ("quota raised", "IPAMRange", _quota(64), _quota("65", team=1)),
    ("quota removed", "IPAMRange", _quota(64), _ranges("10.0.0.0/24")),
    ("the default in words", "IPAMRange", _ranges("10.0.0.0/24"), _allowing("Same")),
    ("a range more", "IPAMRange", _ranges("10.0.0.0/24"), _ranges("10.0.0.0/24", "10.1.0.0/24")),
    ("a range more, ahead", "IPAMRange", _ranges("10.0.0.0/24"), _ranges("10.1.0.0/24", "10.0.0.0/24")),
    ("a reservation added", "IPAMRange", _ranges("10.0.0.0/24"), _reserving("10.0.0.5")),
    ("a reservation removed", "IPAMRange", _reserving("10.0.0.5", "10.0.0.6"), _reserving("10.0.0.6")),
    ("the holder of a reservation", "IPAMRange", _reserving("10.0.0.5"), _reserving("10.0.0.5", kind="Service")),
    (
        "as many ranges as there may be",
        "IPAMRange",
        _ranges("10.0.0.0/16"),
        _ranges(*(f"10.{number}.0.0/16" for number in range(256))),
    ),
    ("nothing", "IPAMRequest", {"ipam": {"name": "net"}}, {"ipam": {"name": "net"}}),
    ("Busy to Ready", "IPAMAllocationSlice", _slice(answer_item()), _slice(_GRANTED)),
    ("Busy to Ready with a network", "IPAMAllocationSlice", _slice(answer_item()), _slice(_WITH_NETWORK)),
    ("message", "IPAMAllocationSlice", _slice(answer_item()), _slice(answer_item(message="no room"))),
    (
        "Ready to Released",
        "IPAMAllocationSlice",
        _slice(_WITH_NETWORK),
        _slice(_WITH_NETWORK | {"state": "Released", "revision": 4}),
    ),
    ("an answer more", "IPAMAllocationSlice", _slice(_OTHER), _slice(_GRANTED, _OTHER)),
    ("an answer removed", "IPAMAllocationSlice", _slice(_GRANTED, _OTHER), _slice(_OTHER)),
    ("all answers removed", "IPAMAllocationSlice", _slice(_WITH_NETWORK, _OTHER), _slice()),
    ("answers in another order", "IPAMAllocationSlice", _slice(_GRANTED, _OTHER), _slice(_OTHER, _GRANTED)),
    ("network that an older schema dropped", "IPAMAllocationSlice", _slice(_GRANTED), _slice(_WITH_NETWORK)),
    *(
        (
            f"{field} that an older schema dropped",
            "IPAMAllocationSlice",
            _slice(_GRANTED | {"network": {key: value for key, value in _NETWORK.items() if key != field}}),
            _slice(_WITH_NETWORK),
        )
        for field in _NETWORK
    ),
    (
        "network before a block is given",
        "IPAMAllocationSlice",
        _slice(answer_item(network=_NETWORK)),
        _slice(_GRANTED | {"network": _NETWORK | {"gateway": "10.0.0.2"}}),
    ),
    (
        "most answers",
        "IPAMAllocationSlice",
        _many(**_READY | {"network": _NETWORK}),
        _many(**_READY | {"network": _NETWORK, "message": "m"}),
    ),
]

CEL_MESSAGES_WITH_A_CASE = frozenset(
    [message.partition(": write ")[0] for *_, message in REFUSED]
    + [message.partition(": keep ")[0] for *_, message in REFUSED_CHANGES]
    + [message for *_, message in LEDGER_WRITES]
    + [message for *_, message in ANSWER_WRITES]
)
