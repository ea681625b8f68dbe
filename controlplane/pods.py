"""The pods of the installed workloads, as programs on this machine, because there is no kubelet here.

They are what the API server has, whoever installed it: number of replicas, environment, mounted Secret, arguments and
service account are read from the Deployment `ipam-hooks` and the StatefulSet `metacontroller`, and calls arrive by the
ports of the Service.
"""

from __future__ import annotations

import base64
import shutil
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from controlplane import metacontroller
from controlplane.api import Refused
from controlplane.loop import START_SECONDS_MAX, Metacontroller, metacontroller_program
from controlplane.processes import Program, free_port, wait_until
from controlplane.services import ServiceProxy

if TYPE_CHECKING:
    from pathlib import Path

    from controlplane.api import Obj
    from controlplane.plane import ControlPlane

NAMESPACE = "ipam-system"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/ipam-hooks"
SERVICE = f"/api/v1/namespaces/{NAMESPACE}/services/ipam-hooks"
STATEFULSET = f"/apis/apps/v1/namespaces/{metacontroller.NAMESPACE}/statefulsets/{metacontroller.NAME}"


@dataclass
class HookPod:
    """A pod of the hooks, with the port at which it listens here."""

    program: Program
    port: int

    def start(self) -> None:
        """Starts it and waits until it listens."""
        self.program.start()
        wait_until(self._listens, what=f"{self.program.name} listens", seconds=START_SECONDS_MAX)

    def _listens(self) -> bool:
        self.program.check_runs()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Pods:
    """The pods of the hooks and of Metacontroller."""

    def __init__(self, plane: ControlPlane, path: Path) -> None:
        """The pods of Metacontroller run this program."""
        self.plane, self._path = plane, path
        self.proxy = ServiceProxy()
        self.hooks: list[HookPod] = []
        self.metacontrollers: list[Metacontroller] = []
        self._count = 0

    def start(self, *, checkout: Path | None = None) -> None:
        """Starts all pods that the workloads ask for; those of the hooks from this checkout or another one."""
        self.proxy.start()
        self.start_hooks(checkout=checkout)
        self.start_metacontrollers()

    def stop(self) -> None:
        """Stops all pods; what is installed stays."""
        self.stop_metacontrollers()
        for pod in self.hooks:
            pod.program.stop()
        self.proxy.stop()

    def stop_metacontrollers(self) -> None:
        """Stops all pods of Metacontroller."""
        for each in self.metacontrollers:
            each.program.stop()
        self.metacontrollers = []

    def start_hooks(self, *, checkout: Path | None = None) -> None:
        """Starts the pods of the Deployment as it is now, from this checkout or another one, beside those that run."""
        deployment = self.plane.api.ask("GET", DEPLOYMENT)
        for _ in range(deployment["spec"]["replicas"]):
            pod = self._hook_pod(deployment["spec"]["template"]["spec"], checkout or self.plane.root)
            pod.start()
            self.hooks.append(pod)
        self._route()

    def stop_hooks(self, *pods: HookPod) -> None:
        """Takes pods out of the Service, and stops them when they have answered their calls."""
        self.hooks = [each for each in self.hooks if each not in pods]
        self._route()
        for each in pods:
            each.program.stop()

    def start_metacontrollers(self) -> None:
        """Starts the pods of the StatefulSet, with the token of its service account."""
        spec = self.plane.api.ask("GET", STATEFULSET)["spec"]
        (container,) = spec["template"]["spec"]["containers"]
        flags = [*container["args"], f"--leader-election-namespace={metacontroller.NAMESPACE}"]
        user = metacontroller.kubeconfig(self.plane)
        proxies = {"HTTP_PROXY": self.proxy.url, "HTTPS_PROXY": self.proxy.url}
        for number in range(spec["replicas"]):
            name = f"metacontroller-{number}"
            started = metacontroller_program(self.plane, self._path, name, user, flags, **proxies)
            started.start()
            self.metacontrollers.append(started)

    def mount(self) -> None:
        """Writes the Secrets of the pods into their folders again, as the kubelet does when they have changed."""
        for volume in self.plane.api.ask("GET", DEPLOYMENT)["spec"]["template"]["spec"].get("volumes", ()):
            if "secret" in volume:
                self._mount(volume)

    def _hook_pod(self, spec: Obj, checkout: Path) -> HookPod:
        (container,) = spec["containers"]
        port = free_port()
        mounted = {each["mountPath"]: str(self._folder(each["name"])) for each in container.get("volumeMounts", ())}
        environment = {each["name"]: _here(each, mounted) for each in container.get("env", ())}
        environment["IPAM_BIND"] = f"127.0.0.1:{port}"
        self.mount()
        self._count += 1
        name = f"hooks-{self._count}"
        log = self.plane.folder / f"{name}.log"
        command = [sys.executable, "-m", "gunicorn"]
        return HookPod(Program(name, command, log, self.plane.tied_to_us, environment, checkout), port)

    def _folder(self, volume: str) -> Path:
        return self.plane.folder / "volumes" / volume

    def _mount(self, volume: Obj) -> None:
        secret = volume["secret"]
        data = self.plane.api.ask("GET", f"/api/v1/namespaces/{NAMESPACE}/secrets/{secret['secretName']}")["data"]
        folder = self._folder(volume["name"])
        new = folder.with_name(f"{folder.name}-{self._count}")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        for item in secret["items"]:
            (new / item["path"]).write_bytes(base64.b64decode(data[item["key"]]))
        link = folder.with_name(f"{folder.name}-link")
        link.symlink_to(new.name)
        link.rename(folder)
        self._count += 1

    def _route(self) -> None:
        """Lets the Service, if there is one, lead to the pods whose container has the port that it names."""
        service, deployment = self._find(SERVICE), self._find(DEPLOYMENT)
        self.proxy.backends = {}
        if service and deployment:
            (container,) = deployment["spec"]["template"]["spec"]["containers"]
            named = {port["name"] for port in container["ports"]}
            ports = [pod.port for pod in self.hooks]
            for each in service["spec"]["ports"]:
                if each["targetPort"] in named:
                    self.proxy.backends[f"ipam-hooks.{NAMESPACE}:{each['port']}"] = ports

    def _find(self, path: str) -> Obj | None:
        try:
            return self.plane.api.ask("GET", path)
        except Refused as refusal:
            if refusal.status != 404:
                raise
            return None


def _here(variable: Obj, mounted: dict[str, str]) -> str:
    """The value of a variable of a pod on this machine, where all pods share the addresses and the files."""
    if variable["name"].endswith("_BIND"):
        return f"127.0.0.1:{free_port()}"
    return str(mounted.get(variable["value"], variable["value"]))
