"""The CRDs, controllers and policies that belong to this version.

A wheel has copies of the folders `crds` and `metacontroller`, and of some folders of `deploy`, beside this module; in a
checkout they lie at its root.
"""

from pathlib import Path

_INSTALLED = Path(__file__).parent / "installed"
#: The folder that has them.
ROOT = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[1]
CRDS = ROOT / "crds"
METACONTROLLER = ROOT / "metacontroller"
ADMISSION = ROOT / "deploy" / "admission"


def version() -> str:
    """This version, such as "0.1.0": that of the wheel, or in a checkout that of its `pyproject.toml`."""
    if ROOT == _INSTALLED:
        from importlib import metadata

        return metadata.version("ipam")
    import tomllib

    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
