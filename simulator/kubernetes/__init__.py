"""The API server and the controller manager, as far as clients can see them.

objects.py      objects as dicts: key, uid, owners, finalizers
errors.py       refusals, worded as the API server words them
clock.py        real and simulated time
manifests.py    YAML as kubectl reads it
resources.py    the kinds, read from CRDs
metadata.py     what the server checks and sets in `metadata`
schema.py       defaults, pruning and validation by an OpenAPI schema
versions.py     older schemas, each without one property
cel.py          the rules of `x-kubernetes-validations`; cel_net.py has Kubernetes' functions for addresses
store.py        create, update, delete, watch: every write with its resourceVersion
merge.py        the three-way merge of `kubectl apply` and of Metacontroller
controllers.py  the garbage collector and the namespace controller
"""
