"""Imports: what other systems export becomes ranges and requests that record the same blocks."""

import json

import pytest

from kubectl_ipam.completion import FILES, completions
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.exchange.formats import File, read_book
from kubectl_ipam.exchange.manifests import manifests, namespaces_of
from tests.kubectl_ipam.exchange.inputs import (
    METAL3,
    NETBOX_ADDRESSES,
    NETBOX_API,
    NETBOX_PREFIXES,
    PHPIPAM_ADDRESSES,
    PHPIPAM_SUBNETS,
    POOL,
    SPREADSHEET,
    blocks_of,
    book_of,
    checked,
    messages_of,
    specs_of,
)

# --- NetBox


def test_prefixes_of_netbox_become_ranges_and_the_prefixes_in_them_requests() -> None:
    specs = specs_of(book_of(NETBOX_PREFIXES, NETBOX_ADDRESSES))

    assert specs == {
        "imported/cluster-networks": {
            "ranges": ["10.8.0.0/20"], "chunkSize": 24, "description": "Cluster networks"
        },
        "imported/servers": {
            "ranges": ["10.8.64.0/24"], "network": {"prefixLength": 24}, "description": "Servers"
        },
        "imported/nat-pool": {
            "ranges": ["10.8.65.0/28"], "network": {"prefixLength": 28}, "allocateReservedIPAddresses": True,
            "description": "NAT pool",
        },
        "imported/lab": {
            "ranges": ["10.8.0.0/20"], "network": {"prefixLength": 20}, "domain": "lab", "description": "Lab"
        },
    }  # fmt: skip
    assert blocks_of(checked(NETBOX_PREFIXES, NETBOX_ADDRESSES)) == {
        "imported/cluster-blue": ("imported/cluster-networks", "10.8.0.0/24"),
        "imported/ip-10-8-1-0-24": ("imported/cluster-networks", "10.8.1.0/24"),
        "imported/ip-10-8-64-0": ("imported/servers", "10.8.64.0/32"),
        "imported/www.example.com": ("imported/servers", "10.8.64.10/32"),
        "imported/mail-relay-old": ("imported/servers", "10.8.64.11/32"),
    }


def test_the_order_of_the_files_does_not_matter() -> None:
    one, other = checked(NETBOX_PREFIXES, NETBOX_ADDRESSES), checked(NETBOX_ADDRESSES, NETBOX_PREFIXES)

    assert blocks_of(one) == blocks_of(other)


def test_a_container_and_a_reserved_address_are_reported_with_their_line() -> None:
    assert messages_of(checked(NETBOX_PREFIXES, NETBOX_ADDRESSES)) == [
        "warning: a:2: 10.8.0.0/16 is left out: it only contains prefixes that become ranges",
        (
            "warning: b:4: request imported/ip-10-8-64-0: 10.8.64.0/32 is excluded or reserved in range "
            "imported/servers: it is restored, but not allocated again"
        ),
    ]


def test_an_answer_of_the_api_of_netbox_reads_like_an_export() -> None:
    found = checked(NETBOX_API)

    assert specs_of(book_of(NETBOX_API))["imported/servers"]["domain"] == "blue"
    assert blocks_of(found) == {"imported/www.example.com": ("imported/servers", "10.8.64.10/32")}
    assert found.is_clean


def page(first: int, number: int, count: int | None = 5, path: str = "prefixes/?status=active&") -> str:
    """So many prefixes of a listing of five in NetBox, from this one on, as a page of them."""
    url = f"http://netbox/api/ipam/{path}"
    objects = [
        {"id": each, "prefix": f"10.{each}.0.0/24", "status": {"value": "active"}, "description": f"net {each}"}
        for each in range(first, first + number)
    ]
    more = f"{url}limit={number}&offset={first + number}" if first + number < 5 else None
    less = f"{url}limit={number}" if first else None
    return json.dumps({"count": count, "next": more, "previous": less, "results": objects})


PAGES = [page(0, 2), page(2, 2), page(4, 1)]


@pytest.mark.parametrize("texts", [PAGES, PAGES[::-1], [f"[{','.join(PAGES)}]"], [page(0, 5)]])
def test_all_pages_of_an_answer_of_netbox_are_read(texts: list[str]) -> None:
    assert sorted(specs_of(book_of(*texts))) == [f"imported/net-{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (PAGES[:1], '"a" has 2 of 5 objects of /api/ipam/prefixes/'),
        (PAGES[:1] * 3, '"a", "b", "c" have 2 of 5 objects of /api/ipam/prefixes/'),
        (PAGES[::2], '"a", "b" have 3 of 5 objects of /api/ipam/prefixes/'),
        ([f"[{','.join(PAGES[:2])}]"], '"a" has 4 of 5 objects of /api/ipam/prefixes/'),
        ([page(0, 5), page(0, 2, path="prefixes/?")], '"b" has 2 of 5 objects of /api/ipam/prefixes/'),
        ([page(0, 5, 51)], '"a" has 5 of 51 objects'),
        ([page(0, 2, None)], '"a" has 2 of an unknown number of objects of /api/ipam/prefixes/'),
    ],
    ids=["first", "one thrice", "a gap", "in one file", "of another listing", "without links", "without a count"],
)
def test_pages_of_netbox_that_are_missing_are_an_error_that_says_how_to_get_them(texts: list[str], words: str) -> None:
    with pytest.raises(Unanswerable) as refused:
        book_of(*texts)

    advice = "fetch all of them at once, with ?limit=0, or pass every page as a file"
    assert str(refused.value).startswith(f"{words}: {advice}")


# --- phpIPAM


def test_subnets_and_addresses_of_phpipam_become_ranges_whose_gateway_is_no_request() -> None:
    found = checked(PHPIPAM_SUBNETS, PHPIPAM_ADDRESSES)
    specs = specs_of(book_of(PHPIPAM_SUBNETS, PHPIPAM_ADDRESSES))

    assert specs["imported/first-floor"]["network"] == {"prefixLength": 24, "gateway": "172.20.0.1"}
    assert specs["imported/office-network"]["excludes"] == ["172.20.0.0/24"]
    assert blocks_of(found) == {
        "imported/printer-1": ("imported/first-floor", "172.20.0.20/32"),
        "imported/second-floor": ("imported/office-network", "172.20.1.0/24"),
        "imported/mail": ("imported/range-2001-db8-64", "2001:db8::25/128"),
    }
    assert found.findings == []


def test_a_second_gateway_of_phpipam_becomes_a_request_with_a_warning() -> None:
    second = "Customers;172.20.0.2;gw2;;default;172.20.0.0/24;;;;;Used;Yes\n"
    found = checked(PHPIPAM_ADDRESSES + second)

    assert specs_of(book_of(PHPIPAM_ADDRESSES + second))["imported/range-172-20-0-0-24"]["network"]["gateway"] == (
        "172.20.0.1"
    )
    assert blocks_of(found)["imported/gw2"] == ("imported/range-172-20-0-0-24", "172.20.0.2/32")
    assert messages_of(found) == [
        "warning: a:5: 172.20.0.2 becomes a request, because 172.20.0.1 is the gateway of 172.20.0.0/24"
    ]


def test_a_gateway_of_phpipam_in_no_subnet_is_reported() -> None:
    table = "Section;IP Address;Hostname;VRF;Subnet;Gateway\nCustomers;172.21.0.1;gw;;;Yes\n"

    (message,) = messages_of(checked(table))
    assert message.startswith("error: a:2: request imported/gw: 172.21.0.1/32 is outside every range")


def test_addresses_of_phpipam_suffice_as_they_name_their_subnets() -> None:
    assert [spec["ranges"] for spec in specs_of(book_of(PHPIPAM_ADDRESSES)).values()] == [
        ["172.20.0.0/24"],
        ["2001:db8::/64"],
    ]


@pytest.mark.parametrize(
    ("data", "kind"), [(b"\xd0\xcf\x11\xe0\xa1\xb1", "an Excel workbook"), (b"PK\x03\x04\x14", "a workbook")]
)
def test_a_workbook_is_refused_with_the_way_to_convert_it(data: bytes, kind: str) -> None:
    with pytest.raises(Unanswerable, match=kind) as refused:
        read_book([File("export.xls", data)], "default")
    assert "soffice --headless --convert-to csv export.xls" in str(refused.value)


# --- our own formats


def test_a_spreadsheet_needs_only_names_and_blocks() -> None:
    found = checked(SPREADSHEET)

    assert blocks_of(found) == {
        "imported/mail-server": ("imported/offices", "10.40.0.16/28"),
        "team-a/web": ("imported/offices", "10.40.0.32/27"),
        "imported/db": ("imported/hosts", "10.41.0.9/32"),
    }
    assert found.is_clean


def test_a_name_that_kubernetes_does_not_accept_is_changed_with_a_warning() -> None:
    found = checked("name,addresses\nOffice Net,10.0.0.0/24\n\u00f6,10.1.0.0/24\n")

    assert [str(each.name) for each in found.ranges] == ["imported/office-net", "imported/range-10-1-0-0-24"]
    assert messages_of(found) == [
        'warning: a:2: "Office Net" becomes office-net, as Kubernetes does not accept this name',
        'warning: a:3: "\u00f6" becomes range-10-1-0-0-24, as Kubernetes does not accept this name',
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_ends_as_on_any_system(end: str) -> None:
    found = checked("name,addresses,cidr\nnet,10.0.0.0/24,\nweb,,10.0.0.5\nbad,,10.0.1.5\n".replace("\n", end))

    assert blocks_of(found) == {"imported/web": ("imported/net", "10.0.0.5/32")}
    assert [each.place for each in found.findings] == ["a:4"]


def test_a_cell_that_is_too_long_is_refused_with_its_line() -> None:
    with pytest.raises(Unanswerable, match=r'^"a" is not CSV: line 3: field larger than .*: shorten that cell'):
        book_of("name,cidr,message\nweb,10.0.0.5,\ndb,10.0.0.6," + "x" * 200_000 + "\n")


@pytest.mark.parametrize("last", ["", "q2,10.0.0.2,bar,\n", 'q2,10.0.0.2,"bar",\n'])
def test_quotes_that_are_not_closed_are_refused_with_the_line_in_which_they_begin(last: str) -> None:
    with pytest.raises(Unanswerable, match=r'^"a" is not CSV: line 3: .*close the quotes that begin there'):
        book_of(f'name,cidr,description,addresses\nnet,,,10.0.0.0/24\nq1,10.0.0.1,"rack 5,\n{last}')


@pytest.mark.parametrize(("before", "line"), [("", 2), ("\n", 3), ("a,10.1.0.0/24,\n", 3)])
def test_a_cell_below_no_heading_is_refused_with_its_line_because_it_may_protect_addresses(
    before: str, line: int
) -> None:
    with pytest.raises(Unanswerable) as refused:
        book_of(f"name,addresses,excludes\n{before}net,10.0.0.0/24,10.0.0.1,10.0.0.2\n")

    assert str(refused.value) == (
        f'"a" has more cells than headings in line {line}: "10.0.0.2" is below none. '
        'Put quotes around a cell that has "," in it, or add the heading'
    )


def test_a_cell_below_an_empty_heading_is_refused_like_one_below_none() -> None:
    with pytest.raises(Unanswerable, match=r'line 2: "10\.0\.0\.1" is below none'):
        book_of("name,,addresses\nnet,10.0.0.1,10.0.0.0/24\n")


@pytest.mark.parametrize(
    ("heading", "titles"),
    [
        ("name,cidr,Name", '"name" and "Name"'),
        ("IP Address,status,vrf,ip_address", '"IP Address" and "ip_address"'),
        ("Subnet,Section,subnet", '"Subnet" and "subnet"'),
    ],
)
def test_two_columns_of_one_heading_are_refused_because_one_would_hide_the_other(heading: str, titles: str) -> None:
    with pytest.raises(Unanswerable) as refused:
        book_of(f"{heading}\n")

    assert str(refused.value) == f'"a" has two columns of one heading: {titles}. Rename or remove one'


def test_headings_in_other_scripts_are_not_taken_for_equal() -> None:
    found = checked("name,addresses,\u0438\u043c\u044f,\u7db2\u8def\nnet,10.0.0.0/24,a,b\n")

    assert messages_of(found) == ["warning: a: columns that are not read: \u0438\u043c\u044f, \u7db2\u8def"]


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ("web,10.0.0.0/28,10.0.0.5,", 'prefix "10.0.0.0/28" and address "10.0.0.5"'),
        ("web,10.0.0.0/28,,10.0.0.0/24", 'addresses "10.0.0.0/24" and prefix "10.0.0.0/28"'),
    ],
)
def test_a_row_for_two_blocks_is_an_error_because_one_would_be_lost(row: str, cells: str) -> None:
    found = checked(f"name,prefix,address,addresses\n{row}\n")

    assert messages_of(found) == [f"error: a:2: has both {cells}, of which one would be lost: write a row for each"]


def test_a_row_may_name_its_block_twice() -> None:
    found = checked("name,cidr,address,addresses\nnet,,,10.0.0.0/24\nweb,10.0.0.5/32,10.0.0.5,\n")

    assert blocks_of(found) == {"imported/web": ("imported/net", "10.0.0.5/32")}
    assert found.is_clean


def test_a_row_of_several_lines_is_named_by_its_first_one() -> None:
    found = checked('name,addresses,cidr,description\nnet,10.0.0.0/24,,\nweb,,10.0.1.5,"one\ntwo"\n')

    assert [each.place for each in found.findings] == ["a:3"]


def test_empty_cells_below_no_heading_are_ignored() -> None:
    assert blocks_of(checked("name,addresses,cidr\nnet,10.0.0.0/24,,,\nweb,,10.0.0.5, ,\n,,,,\n")) == {
        "imported/web": ("imported/net", "10.0.0.5/32")
    }


def test_columns_that_are_not_read_are_named() -> None:
    found = checked("name,addresses,exclude\nnet,10.0.0.0/24,10.0.0.0/26\n")

    assert messages_of(found) == ["warning: a: columns that are not read: exclude"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour,shape\nred,round\n", "found: colour, shape"),
        ("", "is empty"),
        ("[{}]", "found: the keys none"),
        ('{"kind": "Pod", "apiVersion": "v1"}', "found: the kind Pod"),
        ('{"requests": [{"cidr": "10.0.0.0/28"}]}', r"requests\[0\] has no name"),
        ('{"ranges": [{"name": "net"}]}', r"ranges\[0\] has no spec"),
        ('{"requests": [{"name": "web", "spec": "/28"}]}', r"requests\[0\] has a spec that is no object"),
        ('{"ranges": ', "is not JSON"),
        ("apiVersion: v1\nkind: [", "is not YAML"),
        (f"{POOL}{{}}\nd: 2026-02-30T00:00:00Z", "is not YAML: day is out of range for month"),
        (POOL + "{null: 5}", "is not YAML: Only dicts with"),
        (POOL + "&a {x: *a}", "can't be read: it is nested too deeply"),
        (POOL + "[" * 100_000 + "]" * 100_000, "can't be read: it is nested too deeply"),
        (f"{POOL}\n{'- ' * 100_000}", "can't be read: it is nested too deeply"),
        ("[" * 200_000, "can't be read: it is nested too deeply"),
        (r'{"ranges": [{"name": "net", "spec": {"description": "\ud800"}}]}', "is not JSON"),
        ("kind: IPAMRange\napiVersion: ipam.mandelsoft.org/v1alpha1\n", "Backup and restore"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_what_was_found(text: str, message: str) -> None:
    with pytest.raises(Unanswerable, match=message):
        book_of(text)


@pytest.mark.parametrize(
    "text", ['{"ranges": [{"name": "caf\u00e9"}]}', f"{POOL}{{}} # \u00e9", "name,cidr\ncaf\u00e9,10.0.0.1\n"]
)
def test_a_file_in_another_encoding_is_refused_because_its_names_would_change(text: str) -> None:
    with pytest.raises(Unanswerable, match=r'^"a" is not UTF-8 \(byte \d+\): save it again in UTF-8'):
        read_book([File("a", text.encode("latin-1"))], "imported")


SECRET = "---\napiVersion: v1\nkind: Secret\n"


def test_all_exports_of_a_json_file_are_read() -> None:
    exports = [{"ranges": [{"name": f"r{each}", "spec": {"ranges": [f"10.{each}.0.0/24"]}}]} for each in range(2)]

    assert [(str(each.name), each.place) for each in book_of(json.dumps(exports)).ranges] == [
        ("imported/r0", "a: [0]: ranges[0]"),
        ("imported/r1", "a: [1]: ranges[0]"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (METAL3 + SECRET, "is metal3 or in-cluster, but has another document, too (found: the kind Secret): move it"),
        (f'[{NETBOX_API}, {{"ranges": []}}]', "is netbox, but has another document, too (found: the keys ranges)"),
        (f'[{{"ranges": []}}, {NETBOX_API}]', "is json, but has another document, too (found: the keys count, next,"),
        ('[{"ranges": []}, 5]', "has 5, where an object must be"),
    ],
)
def test_a_file_with_documents_of_several_formats_is_refused(text: str, message: str) -> None:
    with pytest.raises(Unanswerable) as refused:
        book_of(text)

    assert str(refused.value).startswith(f'"a" {message}')


def test_a_format_can_be_named_and_then_nothing_else_is_read() -> None:
    assert blocks_of(checked(NETBOX_ADDRESSES)) == {}
    with pytest.raises(Unanswerable, match="is not phpipam"):
        book_of(NETBOX_API, wanted="phpipam")
    with pytest.raises(Unanswerable, match=r"is not netbox \(found: the kind IPPool\)"):
        book_of(METAL3, wanted="netbox")


# --- manifests


def test_each_request_records_its_block_and_each_range_is_on_hold() -> None:
    made = manifests(checked(SPREADSHEET))

    assert made[0]["metadata"]["annotations"]["ipam.mandelsoft.org/hold"] == "restore"
    assert made[3] == {
        "apiVersion": "ipam.mandelsoft.org/v1alpha1",
        "kind": "IPAMRequest",
        "metadata": {
            "namespace": "team-a",
            "name": "web",
            "annotations": {
                "ipam.mandelsoft.org/cidr": "10.40.0.32/27",
                "ipam.mandelsoft.org/imported-from": "a:4",
            },
        },
        "spec": {"ipam": {"name": "offices", "namespace": "imported"}, "size": 27},
    }
    assert "size" not in made[2]["spec"]
    assert namespaces_of(checked(SPREADSHEET)) == ["imported", "team-a"]


def test_the_shell_completes_the_files_and_the_flags_of_an_import() -> None:
    assert list(completions(["import", "pre"])) == [FILES]
    assert any(line.startswith("--skip-conflicts\t") for line in completions(["import", "a.csv", "--s"]))
