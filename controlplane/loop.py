"""The controllers of a control plane: the hooks under gunicorn, and the user's Metacontroller.

The shipped manifests are used with one change: their webhooks name a Service, which is replaced by a URL, because the
hooks listen on loopback. With a shard of deploy/shards there are two pairs of controllers, each with a Metacontroller.
Additions are other folders of deploy/, such as cluster-api, with controllers of their own.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
import yaml

from controlplane.objects import SHARD_LABEL
from controlplane.processes import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from controlplane.api import Obj
    from controlplane.plane import ControlPlane
    from controlplane.processes import Program

CONTROLLER_KINDS = ("CompositeController", "DecoratorController")
START_SECONDS_MAX = 30.0
SYNC_CALLS = re.compile(r"^metacontroller_sync_requests_total\{.*\} ([0-9.e+]+)$", re.MULTILINE)

#: With the defaults, 5 queries per second and 5 workers, a burst takes minutes. The flags of the environment variable
#: METACONTROLLER_FLAGS are appended, and the last flag of a name counts.
METACONTROLLER_FLAGS = (
    "--client-go-qps=5000",
    "--client-go-burst=5000",
    "--workers=20",
    "--discovery-interval=5s",
    "--zap-log-level=error",
)


@dataclass
class Metacontroller:
    """One Metacontroller, with the URLs of its health and its metrics."""

    program: Program
    health_url: str
    metrics_url: str

    def start(self) -> None:
        """Starts it and waits until it is healthy."""
        self.program.start()
        wait_until(self._is_healthy, what=f"{self.program.name} is healthy", seconds=START_SECONDS_MAX)

    def kill(self) -> None:
        """Kills it with -9."""
        self.program.stop(hard=True)

    def sync_count(self) -> int:
        """The number of sync hooks that it has called since its start."""
        text = requests.get(self.metrics_url, timeout=30).text
        return sum(round(float(value)) for value in SYNC_CALLS.findall(text))

    def _is_healthy(self) -> bool:
        self.program.check_runs()
        try:
            return requests.get(self.health_url, timeout=2).ok
        except requests.RequestException:
            return False


class Loop:
    """Hooks and Metacontroller for one control plane.

    Attributes:
        hooks_url: URL at which the hooks listen.
        called_url: URL that Metacontroller calls; another one than theirs if a recorder is in between.
    """

    def __init__(
        self,
        plane: ControlPlane,
        metacontroller: Path,
        *,
        kubeconfig: Path | None = None,
        flags: Sequence[str] = METACONTROLLER_FLAGS,
        shard: str = "",
        additions: tuple[str, ...] = (),
        **environment: str,
    ) -> None:
        """Metacontroller is the user of the kubeconfig, by default the administrator; hooks get the environment.

        The second Metacontroller runs the controllers of the shard, if there is one, and the first one the others.
        """
        self.plane = plane
        self._shard, self._additions = shard, additions
        self._port = free_port()
        self.hooks_url = self.called_url = f"http://127.0.0.1:{self._port}"
        command = ("-m", "gunicorn")
        environment["IPAM_BIND"] = f"127.0.0.1:{self._port}"
        self.hooks = plane.program("hooks", sys.executable, *command, **environment)
        user = kubeconfig or plane.kubeconfig
        first, second = (_selecting(f"!{SHARD_LABEL}"), _selecting(f"{SHARD_LABEL}={shard}")) if shard else ([], [])
        self.metacontroller = metacontroller_program(plane, metacontroller, "metacontroller", user, [*flags, *first])
        self.second_metacontroller = metacontroller_program(
            plane, metacontroller, "metacontroller-2", user, [*flags, *second]
        )

    @property
    def programs(self) -> tuple[Program, ...]:
        """All programs of the loop."""
        return self.hooks, self.metacontroller.program, self.second_metacontroller.program

    def start(self) -> None:
        """Applies our controllers and the additions, and starts the hooks and one Metacontroller."""
        if added := [obj for obj in self._added_objects() if obj["kind"] not in CONTROLLER_KINDS]:
            self.plane.kubectl("apply", "-f", "-", stdin=_list_of(added))
            self.plane.wait_served()
        self.plane.kubectl("apply", "-f", "-", stdin=self._controllers())
        self.start_hooks()
        self.metacontroller.start()

    def stop(self) -> None:
        """Stops hooks and Metacontrollers; objects stay."""
        for program in reversed(self.programs):
            program.stop()

    def remove_additions(self) -> None:
        """Deletes the objects of the additions, which other tests do not expect."""
        if added := self._added_objects():
            self.plane.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=_list_of(added))

    def start_hooks(self) -> None:
        """Starts the hooks and waits until they listen."""
        self.hooks.start()
        wait_until(self._hooks_listen, what="the hooks listen", seconds=START_SECONDS_MAX)

    def kill_hooks(self) -> None:
        """Kills gunicorn and its workers with -9."""
        self.hooks.stop(hard=True)

    def shard_manifests(self) -> list[Obj]:
        """The objects of the shard, as kustomize makes them."""
        folder = self.plane.root / "deploy" / "shards" / self._shard
        return list(yaml.safe_load_all(self.plane.kubectl("kustomize", str(folder))))

    def _added_objects(self) -> list[Obj]:
        folders = [self.plane.root / "deploy" / addition for addition in self._additions]
        texts = [self.plane.kubectl("kustomize", str(folder)) for folder in folders]
        return [obj for text in texts for obj in yaml.safe_load_all(text)]

    def _controllers(self) -> str:
        files = sorted((self.plane.root / "metacontroller").glob("*.yaml"))
        documents = [document for file in files for document in yaml.safe_load_all(file.read_text())]
        if self._shard:
            documents += self.shard_manifests()
        documents += self._added_objects()
        controllers = [self._with_urls(obj) for obj in documents if obj["kind"] in CONTROLLER_KINDS]
        assert controllers, "metacontroller/ ships no controllers"
        return _list_of(controllers)

    def _with_urls(self, controller: Obj) -> Obj:
        for hook in controller["spec"]["hooks"].values():
            webhook = hook["webhook"]
            del webhook["service"]
            webhook["url"] = self.called_url + webhook.pop("path")
        return controller

    def _hooks_listen(self) -> bool:
        self.hooks.check_runs()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


def _selecting(controllers: str) -> list[str]:
    """The flag by which a Metacontroller runs only the controllers that the selector selects."""
    return [f"--target-label-selector={controllers}"]


def _list_of(objects: list[Obj]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def metacontroller_program(
    plane: ControlPlane, path: Path, name: str, kubeconfig: Path, flags: Sequence[str], **environment: str
) -> Metacontroller:
    """A Metacontroller with these flags, those of the environment, and ports of its own."""
    health, metrics = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    addresses = (f"--health-probe-bind-address={health}", f"--metrics-address={metrics}")
    added = shlex.split(os.environ.get("METACONTROLLER_FLAGS", ""))
    program = plane.program(name, path, *flags, *added, *addresses, KUBECONFIG=str(kubeconfig), **environment)
    return Metacontroller(program, f"http://{health}/healthz", f"http://{metrics}/metrics")
