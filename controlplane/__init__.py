"""A real control plane on this machine: kube-apiserver, etcd and controller manager, with the shipped manifests.

The e2e suite, the benchmarks and `make cluster` use it; there are no tests here. Reading order:

    binaries.py    find the programs, or build them from programs/go.mod
    promtool.py    Prometheus' tool for rules, likewise from prometheus/go.mod
    processes.py   start and stop programs by their ids; wait for conditions
    api.py         a small client of the API server; objects.py builds the objects that tests and benchmarks write
    plane.py       etcd, API server and controller manager together, with the shipped manifests installed
    loop.py        the hooks and a Metacontroller for such a control plane
    metacontroller.py  the same with the rights and flags of deploy/metacontroller
    policies.py    the optional admission policy, in effect for a while
    cluster.py     `python -m controlplane.cluster up|down`: a control plane that keeps running
    team.py        the actions of the users of a namespace; load.py creates many requests at once
    history.py     every revision that etcd stored
    audit.py       the history, judged by the judge of the simulator; at_rest.py does so for the last state
"""
