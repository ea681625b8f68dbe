"""The API group as every part of the hooks knows it.

names.py       labels, annotations, finalizers, and the names of slices and extents
metadata.py    the metadata of objects
kinds.py       the objects, as far as their fields are read or written
foreign.py     objects of other API groups that get addresses
times.py       times as the API server writes them, and what to believe of times that replicas wrote
ownership.py   which range, claim or Service controls an object
shards.py      which Metacontroller serves an object, if several divide them among them
namespaces.py  which namespaces a range serves
conditions.py  conditions as kubectl and kstatus read them
"""
