"""The chart of a release: it names the image by its digest."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = re.compile(r"(?P<registry>[^/@\s]+)/(?P<repository>[^@\s]+)@(?P<digest>sha256:[0-9a-f]{64})")


def stage(source: Path, target: Path, image: str) -> None:
    """Copies the chart, with the files that its links lead to, and sets the image.

    Args:
        source: the chart in the checkout.
        target: a folder that does not exist.
        image: registry, repository and digest, such as registry.example.com/ipam-hooks@sha256:...

    Raises:
        ValueError: the image is not named by its digest.
    """
    named = IMAGE.fullmatch(image)
    if named is None:
        raise ValueError(f'"{image}" is no image with a digest: write REGISTRY/REPOSITORY@sha256:...')
    shutil.copytree(source, target)
    values = target / "values.yaml"
    values.write_text(_with_image(values.read_text(), named.groupdict()))
    metadata = target / "Chart.yaml"
    shown = f"  artifacthub.io/images: |\n    - {{name: ipam-hooks, image: {image}}}\n"
    metadata.write_text(metadata.read_text() + shown)


def _with_image(text: str, image: dict[str, str]) -> str:
    for name, value in image.items():
        text, count = re.subn(rf"^(  {name}: ).*$", rf"\g<1>{value}", text, flags=re.MULTILINE)
        assert count == 1, f"values.yaml has {count} fields {name}"
    return text
