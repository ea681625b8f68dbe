"""One Hypothesis profile for the folder: the same examples each time, no deadline on a shared machine."""

from hypothesis import settings

settings.register_profile("ipam", derandomize=True, deadline=None, database=None, max_examples=100)
settings.load_profile("ipam")
