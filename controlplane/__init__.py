"""A real control plane on this machine: kube-apiserver, etcd and the controller manager, with everything that we ship.

The e2e suite, the benchmarks and `make cluster` use it. Nothing here is a test. Reading order:

    binaries.py    find the programs, or build them from programs/go.mod
    processes.py   start and stop a program by its id; wait for something
    api.py         a small client of the API server; objects.py builds the objects that tests and benchmarks write
    plane.py       etcd, API server and controller manager together, with the shipped manifests installed
    loop.py        the hooks and a Metacontroller that work for such a plane
    policies.py    the optional admission policy, in effect for a while
    cluster.py     `python -m controlplane.cluster up|down`: a plane that keeps running
    team.py        what the users of one namespace do and wait for; load.py creates many requests at once
    history.py     every revision that etcd ever stored; audit.py judges it, at_rest.py judges the end
"""
