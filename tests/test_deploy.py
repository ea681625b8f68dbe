"""What deploy/ says of the shipped hooks is so: labels, ports."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
Obj = dict[str, Any]


def documents(path: str) -> list[Obj]:
    return [*yaml.safe_load_all((ROOT / path).read_text())]


def test_the_network_policy_is_about_the_hooks_and_their_port() -> None:
    (policy,) = documents("deploy/network-policy/hooks.yaml")
    hooks = next(each for each in documents("metacontroller/hooks.yaml") if each["kind"] == "Deployment")
    pod = hooks["spec"]["template"]
    assert policy["metadata"]["namespace"] == hooks["metadata"]["namespace"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    (rule,) = policy["spec"]["ingress"]
    ports = [port["name"] for container in pod["spec"]["containers"] for port in container["ports"]]
    assert [port["port"] for port in rule["ports"]] == ports
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in policy["spec"]
