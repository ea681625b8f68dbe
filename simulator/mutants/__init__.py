"""Deliberately broken designs. A checker that does not find its mutant is blind.

catalog.py           every mutant, the rule that it breaks and the invariants that must find it
mutations.py         what mutants change in CRDs, bodies and answers; extent_mutations.py does so for extents
hunt.py              the search for one mutant
"""
