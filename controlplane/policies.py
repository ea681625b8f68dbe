"""The optional admission policy of deploy/, in effect for a while."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from controlplane.api import collection_path
from controlplane.objects import request_object
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.api import Api
    from controlplane.plane import ControlPlane

#: For clusters that serve v1 of MutatingAdmissionPolicy, and for those that serve v1beta1 only.
POLICY, POLICY_V1BETA1 = "deploy/admission", "deploy/admission-v1beta1"
#: Policies and roles take effect some time after they are written.
EFFECT_SECONDS_MAX = 30.0


def unserved_version(plane: ControlPlane, folder: str = POLICY) -> str:
    """The version of MutatingAdmissionPolicy that a folder needs and the API server does not serve; "" if it does."""
    version = "admissionregistration.k8s.io/" + ("v1beta1" if folder == POLICY_V1BETA1 else "v1")
    served = plane.api.ask_patiently("GET", f"/apis/{version}")["resources"]
    return "" if any(each["name"] == "mutatingadmissionpolicies" for each in served) else version


@contextmanager
def admission_policy(plane: ControlPlane, folder: str = POLICY) -> Iterator[None]:
    """Installs the policy for a `with` block; it takes effect, and ends, some time after the write."""
    plane.kubectl("apply", "-k", str(plane.root / folder))
    try:
        wait_until(lambda: _is_in_effect(plane.api), what="the policy is in effect", seconds=EFFECT_SECONDS_MAX)
        yield
    finally:
        plane.kubectl("delete", "-k", str(plane.root / folder))
    wait_until(
        lambda: not _is_in_effect(plane.api), what="the policy is not in effect any more", seconds=EFFECT_SECONDS_MAX
    )


def _is_in_effect(api: Api) -> bool:
    """Whether the policy is in effect; before it has discovered new kinds, it refuses their objects."""
    probe = request_object("default", "probe", "net")
    return "labels" in api.ask_patiently("POST", collection_path(probe), probe, dryRun="All")["metadata"]
