"""What a person at a terminal sees.

tables.py   `kubectl get`, with the printer columns of the CRDs
watch.py    `kubectl get --watch`
serving.py  the hooks of this checkout under gunicorn, for as long as a command runs
session.py  `python -m simulator apply`: manifests in, tables out
"""
