"""The cluster in a box: a small API server and a small Metacontroller on this machine, seeded and deterministic.

It exists so that the hooks can be tried, shown and attacked without a cluster. It is a judge: it knows the shipped
`crds/` and `metacontroller/` manifests and the hooks' URL, and shares no code with the hooks or their core.

Reading order: `store` (API server) <- `informers` (caches) <- `composite`, `decorator` (Metacontroller) <- `scheduler`
(what happens next) <- `cluster` (all of it together) <- `cli`.
"""
