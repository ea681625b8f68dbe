"""Small inputs of the shapes that other systems export, with made-up names and addresses."""

from typing import Any

from kubectl_ipam.exchange.book import Book
from kubectl_ipam.exchange.conflicts import Checked, check
from kubectl_ipam.exchange.formats import File, Format, read_book

NAMESPACE = "imported"

#: The table "Prefixes" of NetBox, exported as CSV with all its columns that matter here.
NETBOX_PREFIXES = """\
ID,Prefix,Prefix (Flat),Status,Children,VRF,Pool,Description
1,10.8.0.0/16,10.8.0.0/16,Container,4,Global,False,Campus
2,• 10.8.0.0/20,10.8.0.0/20,Active,2,Global,False,Cluster networks
3,•• 10.8.0.0/24,10.8.0.0/24,Active,0,Global,False,Cluster Blue
4,•• 10.8.1.0/24,10.8.1.0/24,Reserved,0,Global,False,
5,• 10.8.64.0/24,10.8.64.0/24,Active,0,Global,False,Servers
6,• 10.8.65.0/28,10.8.65.0/28,Active,0,Global,True,NAT pool
7,10.8.0.0/20,10.8.0.0/20,Active,0,lab,False,Lab
"""
#: Its table "IP Addresses".
NETBOX_ADDRESSES = """\
ID,IP Address,VRF,Status,Role,Tenant,Assigned,DNS Name,Description
1,10.8.64.10/24,Global,Active,,,True,www.example.com,
2,10.8.64.11/24,Global,Active,VIP,,False,,Mail relay (old)
3,10.8.64.0/24,Global,Reserved,,,False,,
"""
#: The same as the API answers, which names choices by value and label and related objects by their names.
NETBOX_API = """\
{"count": 2, "next": null, "previous": null, "results": [
  {"id": 5, "display": "10.8.64.0/24", "family": {"value": 4, "label": "IPv4"}, "prefix": "10.8.64.0/24",
   "vrf": {"id": 3, "name": "blue", "rd": "65000:1"}, "status": {"value": "active", "label": "Active"}, "is_pool": true,
   "description": "Servers", "tags": []},
  {"id": 1, "display": "10.8.64.10/24", "address": "10.8.64.10/24", "vrf": {"id": 3, "name": "blue", "rd": null},
   "status": {"value": "active", "label": "Active"}, "role": null, "dns_name": "www.example.com", "description": ""}
]}
"""

#: The sheets "Subnets" and "IP Addresses" of phpIPAM's exports, saved as CSV.
PHPIPAM_SUBNETS = """\
Section,Subnet,Description,VLAN,VLAN Domain,VRF,Master Subnet,Requests,Host check,Discover
Customers,Offices (folder),Offices,NA,,,/,0,0,0
Customers,172.20.0.0/22,Office network,10,default,,/,0,0,0
Customers,172.20.0.0/24,First floor,11,default,,172.20.0.0/22,1,1,0
Customers,172.20.1.0/24,Second floor,12,default,,172.20.0.0/22,1,1,0
"""
PHPIPAM_ADDRESSES = """\
Section;IP Address;Hostname;Description;VRF;Subnet;MAC;Owner;Device;Note;Tag;Gateway
Customers;172.20.0.1;gw;Router;default;172.20.0.0/24;;;;;Used;Yes
Customers;172.20.0.20;printer-1;;default;172.20.0.0/24;;;;;Used;No
Customers;2001:DB8:0:0::25;mail;;default;2001:db8::/64;;;;;Used;No
"""

#: An IPPool of metal3's address manager, whose second pool has a network of its own, and what it allocated.
METAL3 = """\
apiVersion: ipam.metal3.io/v1alpha1
kind: IPPool
metadata: {name: provisioning, namespace: metal}
spec:
  clusterName: east
  namePrefix: east-prov
  pools:
  - {start: 10.20.0.10, end: 10.20.0.40}
  - {subnet: 10.20.1.5/28, prefix: 28, gateway: 10.20.1.1}
  prefix: 24
  gateway: 10.20.0.1
  dnsServers: [10.20.0.2]
  preAllocations: {east-cp-0: 10.20.0.12}
---
apiVersion: ipam.metal3.io/v1alpha1
kind: IPClaim
metadata: {name: east-cp-0, namespace: metal}
spec: {pool: {name: provisioning, namespace: metal}}
---
apiVersion: ipam.metal3.io/v1alpha1
kind: IPAddress
metadata: {name: east-prov-10-20-0-12, namespace: metal}
spec:
  pool: {name: provisioning, namespace: metal}
  claim: {name: east-cp-0, namespace: metal}
  address: 10.20.0.12
  prefix: 24
  gateway: 10.20.0.1
---
apiVersion: ipam.metal3.io/v1alpha1
kind: IPAddress
metadata: {name: east-prov-10-20-1-3, namespace: metal}
spec:
  pool: {name: provisioning, namespace: metal}
  claim: {name: east-worker-0, namespace: other}
  address: 10.20.1.3
  prefix: 28
---
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddressClaim
metadata: {name: east-cp-0, namespace: metal}
spec: {poolRef: {apiGroup: ipam.metal3.io, kind: IPPool, name: provisioning}}
"""

#: The beginning of an IPPool, up to its spec.
POOL = "apiVersion: ipam.metal3.io/v1alpha1\nkind: IPPool\nmetadata: {name: p, namespace: n}\nspec: "

#: Pools of the in-cluster provider, in the present version and the first one, and what they allocated.
IN_CLUSTER = """\
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: InClusterIPPool
metadata: {name: nodes, namespace: infra}
spec:
  addresses: [10.30.0.2-10.30.0.254]
  prefix: 24
  gateway: 10.30.0.1
  excludedAddresses: [10.30.0.10, 10.30.0.192/26]
  addressReuseGracePeriodSeconds: 300
---
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: GlobalInClusterIPPool
metadata: {name: nodes}
spec:
  addresses: ["2001:db8:30::/120"]
  prefix: 120
  allocateReservedIPAddresses: true
---
apiVersion: ipam.cluster.x-k8s.io/v1alpha1
kind: InClusterIPPool
metadata: {name: old, namespace: infra}
spec: {subnet: 10.31.0.0/28, gateway: 10.31.0.1}
---
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: GlobalInClusterPrefixPool
metadata: {name: pods}
spec: {prefixes: ["fd30::/48"], allocationPrefixLength: 64, gateway: "fd30::1"}
---
apiVersion: ipam.cluster.x-k8s.io/v1beta1
kind: IPAddressClaim
metadata: {name: worker-0, namespace: infra}
spec: {poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: nodes}}
status: {addressRef: {name: worker-0}}
---
apiVersion: ipam.cluster.x-k8s.io/v1beta1
kind: IPAddress
metadata: {name: worker-0, namespace: infra}
spec:
  address: 10.30.0.7
  prefix: 24
  gateway: 10.30.0.1
  claimRef: {name: worker-0}
  poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: nodes}
---
apiVersion: ipam.cluster.x-k8s.io/v1beta1
kind: IPAddressClaim
metadata: {name: waiting, namespace: infra}
spec: {poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: old}}
---
apiVersion: ipam.cluster.x-k8s.io/v1beta1
kind: IPAddress
metadata: {name: pods-0, namespace: tenant}
spec:
  address: "fd30:0:0:5::"
  prefix: 64
  claimRef: {name: pods-0}
  poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: GlobalInClusterPrefixPool, name: pods}
"""

#: A table that a person wrote.
SPREADSHEET = """\
name,namespace,addresses,chunk_size,range,cidr,gateway,prefix_length
offices,imported,10.40.0.0/16,28,,,,
mail server,,,,,10.40.0.16/28,,
web,team-a,,,imported/offices,10.40.0.32/27,,
hosts,imported,10.41.0.0-10.41.0.127,,,,10.41.0.1,24
db,,,,hosts,10.41.0.9,,
"""


def book_of(*texts: str, wanted: Format | None = None) -> Book:
    """The book of files with these contents, named a, b, c."""
    files = [File(name, text.encode()) for name, text in zip("abc", texts, strict=False)]
    return read_book(files, NAMESPACE, wanted)


def checked(*texts: str) -> Checked:
    return check(book_of(*texts))


def specs_of(book: Book) -> dict[str, dict[str, Any]]:
    """The specs of the ranges, by "namespace/name"."""
    return {str(each.name): each.spec for each in book.ranges}


def blocks_of(found: Checked) -> dict[str, tuple[str, str]]:
    """The range and the block of each request, by "namespace/name"."""
    return {str(each.request.name): (str(each.range), str(each.block or "")) for each in found.requests}


def messages_of(found: Checked) -> list[str]:
    """All findings, as lines."""
    return [f"{each.severity}: {each.place}: {each.message}" for each in found.findings]
