"""Controllers and kinds of cert-manager, from its Go module (`certmanager/go.mod`), which is not copied.

cert-manager's own command is a module of its own that the module proxy does not serve, so `certmanager/main.go` starts
the controllers that self-signed issuers and CA issuers need. Its webhook, which fills in defaults, is left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from controlplane.binaries import find_or_build_tool, module_folder
from controlplane.processes import Program

if TYPE_CHECKING:
    from controlplane.plane import ControlPlane

MODULE = Path(__file__).parent / "certmanager"
PATH = "github.com/cert-manager/cert-manager"


def install_crds(plane: ControlPlane) -> None:
    """Installs the CRDs, and waits until their kinds are served; the module is downloaded the first time."""
    plane.kubectl("apply", "--server-side", "-f", str(module_folder(MODULE, PATH) / "deploy" / "crds"))
    plane.wait_served()


def remove_crds(plane: ControlPlane) -> None:
    """Deletes the CRDs, and with them all objects of these kinds."""
    names = plane.kubectl("get", "crd", "-o", "name").split()
    plane.kubectl("delete", *(name for name in names if name.endswith("cert-manager.io")))


def controllers(plane: ControlPlane) -> Program:
    """The controllers, as the administrator of a control plane; they are built the first time."""
    program = find_or_build_tool("cert-manager", MODULE)
    environment = {"KUBECONFIG": str(plane.kubeconfig)}
    return Program("cert-manager", [str(program)], plane.folder / "cert-manager.log", plane.tied_to_us, environment)
