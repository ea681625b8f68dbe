"""Deliberately broken designs. An invariant that does not detect its mutant is of no use.

catalog.py           all mutants, each with the rule that it breaks and the invariants that must detect it
mutations.py         changes of CRDs, bodies and answers; extent_mutations.py has those of extents
hunt.py              the search for one mutant
"""
