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
