"""Deliberately broken designs. An invariant that does not detect its mutant is of no use.

mutant.py              what a mutant is: the changes that it makes to the shipped design
catalog.py             all mutants, each with the rule that it breaks and the invariants that must detect it
mutations.py           changes of bodies and answers: the ledger, grants, releases and answers
extent_mutations.py    those of extents; restore_mutations.py has those of recorded addresses and holds, and
schema_mutations.py    those of older schemas
crd_mutations.py       changes of the CRDs
hunt.py                the search for one mutant
"""
