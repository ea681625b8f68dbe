"""One run of `python -m simulator apply`: do the steps, wait until the cluster is quiet, print tables."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

import yaml

from simulator.kubectl.tables import Layout, table
from simulator.kubectl.watch import Watch
from simulator.kubernetes.errors import ApiError, Invalid, NotFound
from simulator.kubernetes.manifests import BadManifest, Manifest, read_manifests
from simulator.kubernetes.merge import BadMerge
from simulator.kubernetes.objects import Obj, joined, key_of, meta

if TYPE_CHECKING:
    import argparse

    from simulator.cluster import Cluster
    from simulator.kubernetes.resources import Resource


class Session:
    """One run of `apply`: a cluster, the steps of the command line, and the output streams."""

    def __init__(
        self, cluster: Cluster, options: argparse.Namespace, stdin: IO[str], out: IO[str], err: IO[str]
    ) -> None:
        """`options` are those of `cli`. Raises NotFound (unknown kind to show), BadRequest (unknown field)."""
        self._cluster = cluster
        self._options = options
        self._stdin, self._out, self._err = stdin, out, err
        self._failed = False
        words = options.get or sorted({word for item in cluster.catalog.resources for word in item.categories})
        self._shown = list(dict.fromkeys(item for word in words for item in cluster.catalog.called(word)))
        options.field_selector.check(self._shown)
        layout = Layout(namespaces=options.namespace is None, wide=options.output == "wide", kinds=True)
        self._watch = Watch(cluster.store, self._shown, layout, self._is_shown, self._print)

    def run(self) -> int:
        """Do all steps; return the exit code."""
        for number, (verb, files) in enumerate(self._options.steps):
            if number:
                self._print("")
            manifests = self._manifests(files)
            if verb == "apply" and not manifests:
                self._fail("error: no objects passed to apply")
            for manifest in manifests:
                self._do(verb, manifest)
            after_step = self._watch.show if self._options.watch else None
            if after_step:
                after_step()
            self._cluster.scheduler.run_until_quiet(horizon=self._options.wait, after_step=after_step)
            self._warn()
            self._print("")
            self._show()
        return int(self._failed)

    # --- steps

    def _manifests(self, files: list[str]) -> list[Manifest]:
        found: list[Manifest] = []
        for file in files:
            try:
                found += read_manifests(file, self._stdin)
            except BadManifest as error:
                self._fail(f"error: {error}")
        return found

    def _do(self, verb: str, manifest: Manifest) -> None:
        obj, namespace = manifest.obj, self._options.namespace or "default"
        try:
            name = f"{self._cluster.catalog.of(obj).singular_name}/{meta(obj).get('name')}"
            if verb == "apply":
                self._print(f"{name} {self._cluster.apply(obj, namespace)}")
            else:
                self._cluster.delete(obj, namespace)
                resource, _, word = name.partition("/")
                self._print(f'{resource} "{word}" deleted')
        except (ApiError, BadMerge) as error:
            self._fail(_refusal(verb, manifest, error))

    def _fail(self, message: str) -> None:
        self._failed = True
        print(message, file=self._err)

    def _warn(self) -> None:
        """Print the objects whose last sync failed; without this, a broken hook would leave no trace."""
        for controller in self._cluster.metacontroller.controllers:
            for (resource, key), message in controller.failing.items():
                print(f"Warning: {resource.singular_name}/{joined(key)}: {message}", file=self._err)

    # --- output

    def _print(self, line: str) -> None:
        print(line, file=self._out)

    def _show(self) -> None:
        found = {item: list(filter(self._is_shown, self._cluster.store.list(item))) for item in self._shown}
        if self._options.output in {"yaml", "json"}:
            self._show_list([obj for objects in found.values() for obj in objects])
            return
        filled = {item: objects for item, objects in found.items() if objects}
        if not filled:
            self._print(f"No resources found{_in_namespace(self._options.namespace)}")
            return
        layout = self._layout(filled)
        now = self._cluster.clock.now()
        tables = (table(item, objects, layout, now) for item, objects in filled.items())
        self._out.write("\n".join(tables))

    def _is_shown(self, obj: Obj) -> bool:
        is_in_namespace = self._options.namespace in {None, meta(obj).get("namespace")}
        return is_in_namespace and bool(self._options.field_selector.selects(obj))

    def _layout(self, filled: dict[Resource, list[Obj]]) -> Layout:
        """The layout, with a namespace column if there are several namespaces."""
        namespaces = {key_of(obj)[0] for objects in filled.values() for obj in objects}
        return Layout(
            namespaces=len(namespaces - {""}) > 1,
            wide=self._options.output == "wide",
            kinds=len(self._shown) > 1,
        )

    def _show_list(self, objects: list[Obj]) -> None:
        listed = {"apiVersion": "v1", "items": objects, "kind": "List", "metadata": {"resourceVersion": ""}}
        if self._options.output == "json":
            self._print(json.dumps(listed, indent=4))
        else:
            self._out.write(yaml.safe_dump(listed, default_flow_style=False, width=2**31))


def _refusal(verb: str, manifest: Manifest, error: ApiError | BadMerge) -> str:
    """A refusal as kubectl words it."""
    if isinstance(error, Invalid):
        listed = [str(fault) for fault in error.faults]
        why = listed[0] if len(listed) == 1 else "".join(f"\n* {line}" for line in listed)
        return f'The {error.kind} "{error.name}" is invalid: {why}'
    if isinstance(error, NotFound) and str(error).startswith("no matches for kind"):
        key = key_of(manifest.obj)
        return (
            f'error: resource mapping not found for name: "{key[1]}" namespace: "{key[0]}" from "{manifest.source}": '
            f"{error}\nensure CRDs are installed first"
        )
    if isinstance(error, BadMerge):
        return f'error: error when applying "{manifest.source}": {error}'
    doing = "creating" if verb == "apply" else "deleting"
    return f'Error from server ({error.reason}): error when {doing} "{manifest.source}": {error}'


def _in_namespace(namespace: str | None) -> str:
    return f" in {namespace} namespace." if namespace else ""
