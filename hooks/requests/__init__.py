"""One IPAMRequest: the range's answer in, the request's status out.

sync.py        customize, sync and finalize
observed.py    what one call sees: the range that the request names, and its answer
delegation.py  the range that is made from the block of a request
status.py      what is reported
"""
