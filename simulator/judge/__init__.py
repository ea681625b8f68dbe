"""The judge: the invariants of the design, checked on the writes to the API server alone.

The judge shares no code with the hooks and does not know how they decide. It judges two kinds of histories: that of the
cluster in a box, and that of a real control plane, read from etcd. Reading order:

    addresses.py    arithmetic of addresses, by Python's ipaddress
    claim_forms.py  the meaning of the forms of `spec.request`
    lives.py        a record for each life of an object
    slices.py       slices and the answers in them
    facts.py        writes, and the changes that the writes of a step have made
    holdings.py       every block that was given to a request, found by its addresses
    history.py      the true history
    noting.py       the effect of a write on the history
    extents.py      the addresses of a range that belong to older ranges
    reserved.py     the addresses at the ends of networks
    quotas.py       the quotas of namespaces, and the invariant of their grants
    reservations.py the blocks that wait for one holder, and the invariant that no other request gets them
    cooldowns.py    the invariant of blocks that cool down
    ledgers.py      the invariants of ledgers; answers.py, placed.py, capacity.py and turns.py have those of other parts
    each_step.py    the invariants that hold after every step
    verdicts.py     the right answers of requests at rest
    owners_at_rest.py claims and Services at rest
    restores.py     the invariant of restores of a whole cluster
    at_rest.py      the invariants that hold once nothing happens any more
"""
