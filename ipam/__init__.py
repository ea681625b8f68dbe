"""Which claim gets which block of addresses: the decision, and nothing else.

This package does no I/O, knows no clock and no Kubernetes word. Values go in, values come out, and the same values
always give the same answer. Read it in the order of the data:

    address.py      families, prefixes, and the text of both
    interval.py     intervals of addresses, as users write them
    address_set.py  sets of addresses
    pool.py         what a range may allocate
    free_space.py   what of it is free, as aligned blocks, for best fit
    round_robin.py  the same as gaps and cursors, for round robin and first fit
    allocate.py     which claim gets which block
    claim_forms.py  the ways in which users write down what they want

Addresses are plain integers. What users write is read by netaddr, in address.py only.
"""
