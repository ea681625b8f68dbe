"""What a release consists of, and whether the checkout is ready for one.

The version is in `pyproject.toml`. Everything else that names it must agree: `checks.py`. Run it as `make release`.
"""
