"""Names of the API as its documents spell them: what people, the judge and the mutants have in common.

The hooks have names of their own. The judge does not import them, so a name that is spelled wrong there is found here.
"""

GROUP = "ipam.mandelsoft.org"

#: Keys of Metacontroller's object maps.
REQUESTS_KEY, ALLOCATIONS_KEY, EXTENTS_KEY = (
    f"IPAM{word}.{GROUP}/v1alpha1" for word in ("Request", "Allocation", "Extent")
)
RANGE_SYNC_PATH = "/ipamrange/sync"

#: The label by which a range finds its requests, and the annotations that people and hooks write.
RANGE_LABEL = f"{GROUP}/range"
CIDR_ANNOTATION = f"{GROUP}/cidr"
HOLD_ANNOTATION = f"{GROUP}/hold"
RECLAIM_ANNOTATION = f"{GROUP}/reclaim"

#: What Metacontroller calls its finalizers, and the label by which it finds a parent's children.
RANGE_FINALIZER = "metacontroller.io/compositecontroller-ipamrange"
REQUEST_FINALIZER = "metacontroller.io/decoratorcontroller-ipamrequest"
UID_LABEL = "controller-uid"

#: A finalizer of somebody else, and the label by which ranges of the attack select namespaces.
FOREIGN_FINALIZER = "example.com/keep"
OPEN_LABEL = "open"
