"""Pools and claims of Cluster API: they become ranges and requests with the same addresses."""

import pytest

from tests.kubectl_ipam.exchange.inputs import (
    IN_CLUSTER,
    METAL3,
    POOL,
    blocks_of,
    book_of,
    checked,
    messages_of,
    specs_of,
)


def test_an_ippool_of_metal3_becomes_a_range_for_each_of_its_networks() -> None:
    specs = specs_of(book_of(METAL3))

    assert specs["metal/provisioning"] == {
        "ranges": ["10.20.0.10-10.20.0.40"],
        "mode": "FirstFit",
        "network": {"gateway": "10.20.0.1", "dnsServers": ["10.20.0.2"], "prefixLength": 24},
        "allocateReservedIPAddresses": True,
        "reservations": [{"cidr": "10.20.0.12/32", "holder": {"name": "east-cp-0"}}],
    }
    assert specs["metal/provisioning-2"]["ranges"] == ["10.20.1.1-10.20.1.15"]
    assert specs["metal/provisioning-2"]["network"]["prefixLength"] == 28


def test_claims_of_metal3_become_requests_also_those_known_from_their_address_alone() -> None:
    found = checked(METAL3)

    assert blocks_of(found) == {
        "metal/east-cp-0": ("metal/provisioning", "10.20.0.12/32"),
        "metal/east-cp-0-claim": ("metal/provisioning", ""),
        "other/east-worker-0": ("metal/provisioning-2", "10.20.1.3/32"),
    }
    assert messages_of(found) == [
        (
            "warning: a: IPAddressClaim metal/east-cp-0: metal/east-cp-0 is the name of two claims: "
            "this one becomes the request metal/east-cp-0-claim"
        )
    ]


def test_a_range_serves_the_other_namespaces_from_which_it_was_claimed() -> None:
    specs = {str(each.name): each.spec for each in checked(METAL3).ranges}
    allowed = specs["metal/provisioning-2"]["allowedNamespaces"]["selector"]["matchExpressions"][0]

    assert allowed == {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["metal", "other"]}
    assert "allowedNamespaces" not in specs["metal/provisioning"]


def test_what_metal3_notes_in_the_status_of_a_pool_is_the_block_of_a_claim_without_an_address() -> None:
    pool = METAL3.partition("---")[0] + "status: {indexes: {late: 10.20.0.15}}\n"
    claim = METAL3.split("---\n")[1].replace("east-cp-0", "late")

    assert blocks_of(checked(pool + "---\n" + claim))["metal/late"] == ("metal/provisioning", "10.20.0.15/32")


def test_pools_of_the_in_cluster_provider_become_ranges_whatever_their_version() -> None:
    specs = specs_of(book_of(IN_CLUSTER))

    assert specs == {
        "infra/nodes": {
            "ranges": ["10.30.0.2-10.30.0.254"], "mode": "FirstFit",
            "network": {"gateway": "10.30.0.1", "prefixLength": 24},
            "excludes": ["10.30.0.10", "10.30.0.192/26"], "cooldownSeconds": 300,
        },
        "infra/old": {
            "ranges": ["10.31.0.0/28"], "mode": "FirstFit", "network": {"gateway": "10.31.0.1", "prefixLength": 28}
        },
        "imported/nodes": {
            "ranges": ["2001:db8:30::/120"], "mode": "FirstFit", "network": {"prefixLength": 120},
            "allocateReservedIPAddresses": True, "allowedNamespaces": {"from": "All"},
        },
        "imported/pods": {
            "ranges": ["fd30::/48"], "chunkSize": 64, "mode": "FirstFit", "allowedNamespaces": {"from": "All"}
        },
    }  # fmt: skip


def test_claims_of_the_in_cluster_provider_become_requests_with_the_addresses_that_they_have() -> None:
    found = checked(IN_CLUSTER)

    assert blocks_of(found) == {
        "infra/waiting": ("infra/old", ""),
        "infra/worker-0": ("infra/nodes", "10.30.0.7/32"),
        "tenant/pods-0": ("imported/pods", "fd30:0:0:5::/64"),
    }
    assert found.findings == []


def test_a_field_that_such_a_pool_does_not_have_is_reported_because_it_may_protect_addresses() -> None:
    pool = IN_CLUSTER.partition("---")[0].replace("excludedAddresses", "excludeAddresses")

    assert messages_of(checked(pool)) == [
        (
            "warning: a: InClusterIPPool infra/nodes: spec has excludeAddresses, which such a pool does not have: "
            "check for a typing error"
        )
    ]


@pytest.mark.parametrize("reserved", ["", "preAllocations: {east-cp-0: 10.20.0.12}"])
def test_a_pool_that_ends_before_it_begins_is_an_error_that_says_what_to_write(reserved: str) -> None:
    pool = METAL3.partition("---")[0].replace("end: 10.20.0.40", "end: 10.20.0.4")

    assert messages_of(checked(pool.replace("preAllocations: {east-cp-0: 10.20.0.12}", reserved))) == [
        (
            "error: a: IPPool metal/provisioning: range metal/provisioning: ranges[0]: "
            '"10.20.0.10-10.20.0.4" ends before it begins: write 10.20.0.4-10.20.0.10'
        )
    ]


def test_a_reservation_without_an_address_is_an_error_that_quotes_it() -> None:
    pool = METAL3.partition("---")[0].replace("{east-cp-0: 10.20.0.12}", "{east-cp-0: }")

    (message,) = messages_of(checked(pool))
    assert message.startswith('error: a: IPPool metal/provisioning: spec: "" is not')


def test_a_pool_whose_status_has_empty_indexes_has_no_allocations() -> None:
    pool = METAL3.partition("---")[0] + "status: {indexes: }\n"

    assert blocks_of(checked(pool)) == {}


def test_a_claim_to_a_pool_that_is_missing_is_an_error_that_names_the_pool() -> None:
    claim = IN_CLUSTER.split("---\n")[4]

    assert messages_of(checked(claim)) == [
        "error: a: IPAddressClaim infra/worker-0: InClusterIPPool infra/nodes is not among the imported pools: add it"
    ]


IN_CLUSTER_POOL = POOL.replace("metal3.io", "cluster.x-k8s.io").replace("IPPool", "InClusterIPPool")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (POOL + "{pools: [null]}", "Expected `object`, got `null` - at `spec.pools[0]`"),
        (POOL + "{dnsServers: [null]}", "Expected `str`, got `null` - at `spec.dnsServers[0]`"),
        (POOL + "{gateway: 5}", "Expected `str | null`, got `int` - at `spec.gateway`"),
        (POOL + "{preAllocations: [a]}", "Expected `object | null`, got `array` - at `spec.preAllocations`"),
        (POOL + "{}\nstatus: {indexes: [a]}", "Expected `object | null`, got `array` - at `status.indexes`"),
        (POOL + "{}\nstatus: x", "Expected `object | null`, got `str` - at `status`"),
        (POOL + "[a]", "Expected `object`, got `array` - at `spec`"),
        (IN_CLUSTER_POOL + "{excludedAddresses: 5}", "got `int` - at `spec.excludedAddresses`"),
        (IN_CLUSTER_POOL + "{addresses: 10.0.0.0/24}", "got `str` - at `spec.addresses`"),
        (POOL.replace("IPPool", "IPClaim") + "{pool: p}", "Expected `object`, got `str` - at `spec.pool`"),
        (POOL.replace("IPPool", "IPAddress") + "{address: 10.0.0.1, pool: {name: p}, claim: null}",
         "Expected `object`, got `null` - at `spec.claim`"),
        (POOL.replace("{name: p, namespace: n}", "null") + "{}", "Expected `object`, got `null` - at `metadata`"),
        (POOL.replace("{name: p, namespace: n}", "x") + "{}", "Expected `object`, got `str` - at `metadata`"),
        (POOL.replace("name: p", "name: ''") + "{}", "Expected `str` of length >= 1 - at `metadata.name`"),
        (POOL.replace("IPPool", "IPPol") + "{}", "the kind IPPol of ipam.metal3.io can't be imported: remove it"),
    ],
)  # fmt: skip
def test_an_object_of_a_pool_that_has_another_shape_is_an_error_with_its_name_and_the_field(
    text: str, message: str
) -> None:
    (reported,) = messages_of(checked(text))

    assert reported.startswith("error: a: object 1 (I")
    assert message in reported


def test_a_key_of_yaml_may_be_a_number() -> None:
    text = POOL + "{pools: [{start: 10.0.0.1, end: 10.0.0.9}], preAllocations: {1: 10.0.0.2, a: 10.0.0.3}}"

    assert [each["holder"]["name"] for each in specs_of(book_of(text))["n/p"]["reservations"]] == ["1", "a"]
