"""The examples for Cluster API, load balancers, kro and Crossplane: each expression finds its value in real objects."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cel_expr_python import cel

from hooks.app import NOW_HEADER, create_app
from hooks.settings import Settings
from simulator.cluster import START, Cluster
from simulator.kubernetes.clock import SimulatedClock, rfc3339
from simulator.metacontroller.webhook import wsgi_caller

Obj = dict[str, Any]
FOLDER = Path(__file__).parent.parent / "examples" / "integrations"
EXPRESSION = re.compile(r"\$\{(.*?)\}")
RANGES = {"endpoints": "10.0.0.0/24", "blocks": "10.128.0.0/9"}
#: What the objects of a composition get from these ranges, in the order of the requests.
BLOCKS = {"endpoint": "10.0.0.0/32", "pods": "10.128.0.0/16", "services": "10.129.0.0/20", "balancers": "10.0.0.16/28"}


@pytest.fixture
def cluster() -> Cluster:
    """The cluster in a box, with two ranges."""
    clock = SimulatedClock(START)
    hooks = wsgi_caller(create_app(Settings(replay=True)), lambda: {NOW_HEADER: rfc3339(clock.now())})
    cluster = Cluster.shipped(hooks, clock=clock)
    for name, addresses in RANGES.items():
        cluster.apply(ours("IPAMRange", name, {"ranges": [addresses]}))
    return cluster


def ours(kind: str, name: str, spec: Obj) -> Obj:
    return {"apiVersion": "ipam.mandelsoft.org/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def documents(name: str) -> list[Obj]:
    return [*yaml.safe_load_all((FOLDER / name).read_text())]


def served(cluster: Cluster, objects: dict[str, Obj]) -> dict[str, Obj]:
    """These requests, by id, once they are served."""
    for obj in objects.values():
        cluster.apply(obj)
        cluster.run_until_quiet()
    return {name: cluster.get("ipamrequest", obj["metadata"]["name"]) for name, obj in objects.items()}


# --- kro


def evaluated(value: Any, objects: dict[str, Obj]) -> Any:
    """A part of a template with the values of its expressions, as kro computes them."""
    if isinstance(value, dict):
        return {key: evaluated(each, objects) for key, each in value.items()}
    if isinstance(value, list):
        return [evaluated(each, objects) for each in value]
    if not isinstance(value, str):
        return value
    if whole := re.fullmatch(EXPRESSION, value):
        return value_of(whole[1], objects)
    return EXPRESSION.sub(lambda found: str(value_of(found[1], objects)), value)


def value_of(expression: str, objects: dict[str, Obj]) -> Any:
    environment = cel.NewEnv(variables=dict.fromkeys(objects, cel.Type.DYN))
    result = environment.compile(expression).eval(environment.Activation(objects))
    assert result.type() != cel.Type.ERROR, f"{expression}: {result.value()}"
    return result.plain_value()


def test_each_expression_of_the_kro_example_has_a_value(cluster: Cluster) -> None:
    (definition,) = documents("kro.yaml")
    schema = {"metadata": {"name": "prod"}, "spec": {name: name for name in definition["spec"]["schema"]["spec"]}}
    resources = {each["id"]: each for each in definition["spec"]["resources"]}
    wanted = {
        name: evaluated(each["template"], {"schema": schema})
        for name, each in resources.items()
        if each["template"]["kind"] == "IPAMRequest"
    }

    requests = served(cluster, wanted)

    assert {name: each["status"]["cidr"] for name, each in requests.items()} == BLOCKS
    for name in requests:
        assert evaluated(resources[name]["readyWhen"], requests) == [True]
    pool = evaluated(resources["pool"]["template"], requests | {"schema": schema})
    assert pool["spec"]["addresses"] == [BLOCKS["balancers"]]
    made = evaluated(resources["cluster"]["template"], requests | {"schema": schema})
    assert made["spec"] == {
        "controlPlaneEndpoint": {"host": "10.0.0.0", "port": 6443},
        "clusterNetwork": {
            "pods": {"cidrBlocks": [BLOCKS["pods"]]},
            "services": {"cidrBlocks": [BLOCKS["services"]]},
        },
    }
    assert evaluated(definition["spec"]["schema"]["status"], requests) == {"endpoint": "10.0.0.0"}


def test_a_request_of_the_kro_example_is_not_ready_before_it_is_served(cluster: Cluster) -> None:
    (definition,) = documents("kro.yaml")
    cluster.apply(ours("IPAMRequest", "waiting", {"ipam": {"name": "missing"}}))
    waiting = cluster.get("ipamrequest", "waiting")

    for resource in definition["spec"]["resources"]:
        for condition in resource.get("readyWhen", ()):
            assert evaluated(condition, {resource["id"]: waiting}) is False


# --- Crossplane


def at(obj: Any, path: str) -> Any:
    """The value at a field path of Crossplane."""
    for step in steps(path):
        obj = obj[step]
    return obj


def put(obj: Any, path: str, value: Any) -> None:
    *way, last = steps(path)
    for step in way:
        obj = obj.setdefault(step, {})
    obj[last] = value


def steps(path: str) -> list[str]:
    return re.findall(r"[^.\[\]]+", path)


def patches_of(resource: Obj, type_: str) -> Iterator[tuple[str, str]]:
    for patch in resource["patches"]:
        if patch["type"] == type_:
            yield patch["fromFieldPath"], patch["toFieldPath"]


def test_each_field_path_of_the_crossplane_example_has_a_value(cluster: Cluster) -> None:
    definition, composition = documents("crossplane.yaml")
    resources = composition["spec"]["pipeline"][0]["input"]["resources"]
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    composite: Obj = {"spec": {name: name for name in schema["spec"]["properties"]}, "status": {}}
    composed = {each["name"]: copy.deepcopy(each["base"]) | {"metadata": {"name": each["name"]}} for each in resources}
    requests = {name: obj for name, obj in composed.items() if obj["kind"] == "IPAMRequest"}
    for resource in resources:
        if resource["name"] in requests:
            for source, target in patches_of(resource, "FromCompositeFieldPath"):
                put(composed[resource["name"]], target, at(composite, source))

    found = served(cluster, requests)

    for resource in resources:
        for source, target in patches_of(resource, "ToCompositeFieldPath"):
            put(composite, target, at(found[resource["name"]], source))
        for check in resource.get("readinessChecks", ()):
            wanted = check["matchCondition"]
            conditions = found[resource["name"]]["status"]["conditions"]
            assert (wanted["type"], wanted["status"]) in {(each["type"], each["status"]) for each in conditions}
    assert composite["status"].keys() == schema["status"]["properties"].keys()
    for source, target in patches_of(resources[-1], "FromCompositeFieldPath"):
        put(composed["cluster"], target, at(composite, source))
    assert composed["cluster"]["spec"]["controlPlaneEndpoint"] == {"host": "10.0.0.0", "port": 6443}
    network = composed["cluster"]["spec"]["clusterNetwork"]
    assert network == {
        "pods": {"cidrBlocks": {"0": BLOCKS["pods"]}},
        "services": {"cidrBlocks": {"0": BLOCKS["services"]}},
    }


# --- claims and Services


@pytest.mark.parametrize("name", ["cluster-api.yaml", "services.yaml"])
def test_each_object_gets_the_address_that_its_comment_names(cluster: Cluster, name: str) -> None:
    promised = {}
    for text in (FOLDER / name).read_text().split("---\n"):
        obj = yaml.safe_load(text)
        if obj["kind"] == "IPAddressPool":
            continue
        cluster.apply(obj)
        if obj["kind"] in ("IPAddressClaim", "Service"):
            (said,) = re.findall(r"(?:has|becomes) (\S+?)[.]?\s", text)
            promised[obj["kind"], obj["metadata"]["name"], obj["metadata"]["namespace"]] = said
        cluster.run_until_quiet()

    assert len(promised) == 2
    for (kind, object_name, namespace), said in promised.items():
        if kind == "Service":
            annotations = cluster.get("service", object_name, namespace)["metadata"]["annotations"]
            assert annotations["metallb.io/loadBalancerIPs"] == said
        else:
            spec = cluster.get("ipaddress", object_name, namespace)["spec"]
            assert f"{spec['address']}/{spec['prefix']}" == said
