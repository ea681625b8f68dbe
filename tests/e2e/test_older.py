"""The module that builds the API server of an older Kubernetes version."""

from __future__ import annotations

from controlplane.older import module_text

RELEASED = """module k8s.io/kubernetes

go 1.22.0

require (
\tk8s.io/api v0.0.0
\tk8s.io/klog/v2 v2.130.1
)

replace (
\tk8s.io/api => ./staging/src/k8s.io/api
\tk8s.io/apiserver => ./staging/src/k8s.io/apiserver
)
"""


def test_the_module_requires_the_release_and_its_staging_modules() -> None:
    assert module_text(RELEASED, "v1.31.14").splitlines()[2:] == [
        "go 1.22.0",
        "",
        "require k8s.io/kubernetes v1.31.14",
        "",
        "replace (",
        "\tk8s.io/api => k8s.io/api v0.31.14",
        "\tk8s.io/apiserver => k8s.io/apiserver v0.31.14",
        ")",
    ]
