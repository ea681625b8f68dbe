"""A cluster in which everything that happens is an action, so that a run is a list that can be replayed and shortened.

machinery.py  Metacontrollers that start and stop, events that arrive, syncs that advance, time that passes
people.py     what users and administrators do, well or badly
faults.py     calls to the API server and to the hooks that fail, get lost or come twice
"""
