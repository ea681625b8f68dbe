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
authorization.py  users, and what their roles allow
policies.py     admission policies; cel_admission.py compiles their CEL, json_patch.py does their patches
gate.py         what a write passes before it is stored: authorization, then admission
storage.py      the objects and events that all API servers of a cluster share
store.py        create, update, delete, watch: every write with its resourceVersion
merge.py        the three-way merge of `kubectl apply` and of Metacontroller
controllers.py  the garbage collector and the namespace controller
"""
