"""Hypothesis profiles: the same examples each time, or fresh ones; no deadline on a shared machine.

`.ci/run` asks for fresh ones, by `--hypothesis-profile=ci`, and says by which `--hypothesis-seed` they come again.
"""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, database=None, max_examples=100)
settings.register_profile("ci", derandomize=False, deadline=None, database=None, max_examples=100, print_blob=True)
settings.load_profile("steady")
