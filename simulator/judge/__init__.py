"""What must be true, judged from the writes to the API server alone.

The judge shares no code with the hooks and knows nothing of how they decide. Two histories are judged by it: that of
the cluster in a box, and that of a real control plane, read from etcd. Reading order:

    addresses.py    arithmetic of addresses, by Python's ipaddress
    claim_forms.py  what the forms of `spec.request` mean
    lives.py        a record for each life of an object
    facts.py        what a write is, and what the writes of a step have changed
    claims.py       every block that was given to a request, found by its addresses
    history.py      what has truly happened
    noting.py       how a write changes the history
    extents.py      which addresses of a range belong to older ranges
    ledgers.py, answers.py, capacity.py, turns.py   the invariants, by what they are about
    each_step.py    the invariants that hold after every step
    verdicts.py     what a request must show at rest
    at_rest.py      the invariants that hold once nothing happens any more
"""
