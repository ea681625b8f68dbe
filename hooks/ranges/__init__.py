"""One IPAMRange: the whole picture in, its next status and its children out.

In the order of a call:

sync.py       customize, sync and finalize: the pipeline, one stage a line
observed.py   what one call sees; slices.py reads the slices that exist
delegation.py the request from whose block the range was made
spec.py       what the spec says, read once; network.py and reservations.py read parts of it
ledger.py     which request holds which block, as the status records it
releases.py   which holders no longer exist, by proof
cells.py      which extents of a domain concern a range
former_blocks.py which blocks that are not allocated any more their former holders get again
extents.py    what the range announces in its domain, and what older ranges have of it
returns.py    which blocks that cool down are returned to requests of the same name
occupancy.py  what can't be granted, and why
records.py    which blocks requests had in an earlier life, and why they can't be allocated again
claims.py     what requests want
waiting.py    which reserved blocks their holders do not have yet
grants.py     requests to claims, and their outcomes to new entries and refusals
answers.py    the answers: what is published, and what of it ends
placement.py  the answers as items of slices
outdated.py   the children while an API server has an older schema
consistency.py contradictions that no stale cache explains
status.py     what is reported, in words and numbers
"""
