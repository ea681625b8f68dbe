"""The attack: each seed is a run, which is drawn action by action and judged after each action.

features.py    the fields and annotations of ranges and requests; a new field takes part by its line there
workload.py    the actions of people, and how they are drawn
edits.py       those on existing ranges and requests
restores.py    backups of a whole cluster, and their restores
tenants.py     the actions of people with roles in one namespace
chance.py      the next action, by weights that each seed draws for itself
simulation.py  one run, from its first action to the empty cluster
shrink.py      the shortest list of actions that still has the finding
"""
