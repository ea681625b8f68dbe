"""The controllers of a shard, made from the shipped ones as its kustomization in deploy/shards says."""

import copy
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
SHARDS = ROOT / "deploy" / "shards"
FILES = ("metacontroller/ipamrange.yaml", "metacontroller/ipamrequest.yaml")

Obj = dict[str, Any]


def shipped_controllers() -> list[Obj]:
    """The controllers of the default shard."""
    return [obj for file in FILES for obj in yaml.safe_load_all((ROOT / file).read_text())]


def controllers_of(shard: str) -> list[Obj]:
    """The controllers of a shard; tests/e2e/test_shards.py compares them with what kustomize makes."""
    kustomization = yaml.safe_load((SHARDS / shard / "kustomization.yaml").read_text())
    patches = {each["target"]["kind"]: yaml.safe_load(each["patch"]) for each in kustomization["patches"]}
    (labels,) = kustomization["labels"]
    return [
        _patched(obj, kustomization["nameSuffix"], labels["pairs"], patches[obj["kind"]])
        for obj in shipped_controllers()
    ]


def _patched(controller: Obj, suffix: str, labels: Obj, patches: list[Obj]) -> Obj:
    made = copy.deepcopy(controller)
    made["metadata"] = {"name": made["metadata"]["name"] + suffix, "labels": labels}
    for patch in patches:
        assert patch["op"] == "replace"
        *path, last = [int(word) if word.isdigit() else word for word in patch["path"].split("/")[1:]]
        inner: Any = made
        for word in path:
            inner = inner[word]
        assert last in inner
        inner[last] = patch["value"]
    return made
