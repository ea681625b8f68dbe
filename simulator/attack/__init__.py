"""The attack: one seed is one run, drawn action by action and judged after each.

features.py    what ranges and requests may say; a new field of a spec takes part by its line there
workload.py    what people do, and how it is drawn
chance.py      what happens next, by weights that each seed draws for itself
simulation.py  one run, from its first action to the empty cluster
shrink.py      the shortest list of actions that still shows a finding
"""
