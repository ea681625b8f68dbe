"""The promises of the examples: the comment above a request contains `Busy`, `Invalid` or `Pending`, or its block."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.yaml"))


class Promise(NamedTuple):
    """An object of an example, the state in which it ends, and the blocks that its comment names."""

    obj: dict[str, Any]
    state: str
    blocks: list[str]

    def is_kept(self, status: dict[str, Any]) -> bool:
        """Whether a status is as promised."""
        is_granted = self.obj["kind"] == "IPAMRequest" and self.state == "Ready"
        blocks_are_right = all(block == status.get("cidr") for block in self.blocks)
        return status.get("state") == self.state and (blocks_are_right or not is_granted)


def promises(example: Path) -> list[Promise]:
    """The objects of an example, in its order."""
    return [_promise(text) for text in example.read_text().split("---\n")]


def _promise(text: str) -> Promise:
    comment = " ".join(line for line in text.splitlines() if line.startswith("#"))
    state = re.search(r"\b(Busy|Invalid|Pending)\b", comment)
    blocks = re.findall(r"[0-9a-f.:]+/\d+", comment)
    return Promise(yaml.safe_load(text), state.group(1) if state else "Ready", blocks)
