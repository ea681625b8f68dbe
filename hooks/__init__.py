"""The webhooks that Metacontroller calls: Kubernetes words in, Kubernetes words out.

Way of a call, top to bottom:

    app.py         HTTP: routes, status codes, the clock. The only file that knows any of them.
    wire.py        bytes <-> typed bodies and objects; explain.py says what is wrong with a body that was refused
    ranges.py      customize, sync and finalize of an IPAMRange; observed.py sorts out what it sees
    namespaces.py  whose requests a range serves
    network.py     what consumers must know besides their blocks
    requests.py    customize, sync and finalize of an IPAMRequest
    ledger.py      status <-> ledger: who holds what, what may be released, how much one object can record
    extents.py     what a range announces in its domain, and what older ranges have of it
    answers.py     the IPAMAllocations of a range: what is published, and what of it ends
    range_status.py, conditions.py    what is reported, as people and Kubernetes' tools read it
    children.py    children that are returned as they came
    clocks.py      times that replicas wrote down for each other
    names.py       labels, annotations, finalizers and the names of allocations

Below app.py everything is a function of its arguments: no I/O, no clock, no memory. `now` comes in as an argument.
settings.py is read once at start; replay.py is a tool beside the server, which replays fixtures.
"""
