"""A cluster in which everything that happens is an action, so that a run is a list that can be replayed and shortened.

machinery.py  Metacontrollers start and stop, events are delivered, syncs advance, time passes
administrators.py  CRDs of another version are served for a while
people.py     users and administrators create, change and delete objects, rightly or wrongly
faults.py     calls to the API server and to the hooks fail, get lost or are made twice
"""
