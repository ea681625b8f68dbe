"""Names of the API as its documents spell them; people, the judge and the mutants share them.

The hooks have names of their own. The judge does not import them, so a name that the hooks misspell is found.
"""

GROUP = "ipam.mandelsoft.org"

#: Keys of Metacontroller's object maps.
REQUESTS_KEY, ALLOCATIONS_KEY, EXTENTS_KEY = (
    f"IPAM{word}.{GROUP}/v1alpha1" for word in ("Request", "Allocation", "Extent")
)
RANGE_SYNC_PATH = "/ipamrange/sync"

#: The fields of a range's status that only a new revision may change: the ledger.
LEDGER_FIELDS = ("allocations", "released", "roundRobin", "onHold", "closing")

#: The labels by which a range finds its requests and extents, and the annotations that people and hooks write.
RANGE_LABEL = f"{GROUP}/range"
CELL_LABEL = f"{GROUP}/cell"
CIDR_ANNOTATION = f"{GROUP}/cidr"
HOLD_ANNOTATION = f"{GROUP}/hold"
RECLAIM_ANNOTATION = f"{GROUP}/reclaim"

#: Metacontroller's finalizers, and the label by which it finds the children of a parent.
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
#: Metacontroller's role, if it does not run as cluster administrator.
METACONTROLLER_ROLE = "ipam-metacontroller"
