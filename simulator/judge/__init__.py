"""What must be true, judged from the events of the store alone.

The judge shares no code with the hooks and knows nothing of how they decide.

    addresses.py    arithmetic of addresses, by Python's ipaddress
    claim_forms.py  what the forms of `spec.request` mean
    history.py      what has truly happened: one record per life of an object
    extents.py      which addresses of a range belong to older ranges
    each_step.py    the invariants that hold after every step
    at_rest.py      the invariants that hold once nothing happens any more
"""
