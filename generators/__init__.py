"""Files of this repository that are generated from others, or from a shorter description.

    python -m generators    # writes all of them; `make generate`

    dashboard.py        deploy/monitoring/dashboard.json, from the list of its panels
    api_reference.py    docs/api.md, from the CRDs

Tests check that the files are what this command writes.
"""
