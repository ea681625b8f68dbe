"""The command `apply` and the output of `kubectl get`.

tables.py   `kubectl get`, with the printer columns of the CRDs
fields.py   field selectors
watch.py    `kubectl get --watch`
serving.py  the hooks of this checkout under gunicorn, while a command runs
session.py  `python -m simulator apply`: apply manifests and print tables
"""
