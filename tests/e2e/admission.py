"""The optional admission policy for a while, where the API server has it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from controlplane import policies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.plane import ControlPlane


@contextmanager
def admission_policy(plane: ControlPlane, folder: str = policies.POLICY) -> Iterator[None]:
    """Installs the policy for a `with` block; skips the test on an API server that does not serve its kind."""
    if version := policies.unserved_version(plane, folder):
        pytest.skip(f"this API server does not serve MutatingAdmissionPolicy of {version}")
    with policies.admission_policy(plane, folder):
        yield
