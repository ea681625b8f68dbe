"""Hypothesis profiles: the same examples each time, or fresh ones; without a deadline, because machines are shared.

`.ci/run` uses fresh examples (`--hypothesis-profile=ci`) and prints the `--hypothesis-seed` that repeats them.
"""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, database=None, max_examples=100)
settings.register_profile("ci", derandomize=False, deadline=None, database=None, max_examples=100, print_blob=True)
settings.load_profile("steady")
