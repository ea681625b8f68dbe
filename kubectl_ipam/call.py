"""One call of a command: its flags, its source, and the streams to which it writes."""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TextIO

from hooks.api.names import NamespacedName
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.objects import Range
from kubectl_ipam.options import cluster_source, source_of
from kubectl_ipam.output.console import Screen
from kubectl_ipam.progress import progress
from kubectl_ipam.resources import DUMP, EXTENTS, IPAM, NAMESPACES, RANGES, REQUESTS, SLICES, Resource
from kubectl_ipam.snapshot import Snapshot
from kubectl_ipam.sources.source import Source


@dataclass
class Call:
    """One call of a command.

    Attributes:
        options: the flags.
        out: where the answer is written; diagnostics are written to standard error.
    """

    options: argparse.Namespace
    out: TextIO = field(default_factory=lambda: sys.stdout)

    @cached_property
    def source(self) -> Source:
        """Where objects are read. Raises Unanswerable."""
        return cluster_source(self.options) if hasattr(self.options, "state") else source_of(self.options)

    @cached_property
    def screen(self) -> Screen:
        """The terminal, or what stands for it."""
        return Screen(self.out)

    @property
    def now(self) -> datetime:
        """The present, in whole seconds."""
        return datetime.now(UTC).replace(microsecond=0)

    @property
    def namespace(self) -> str:
        """The namespace of names that have none."""
        return self.options.namespace or self.source.default_namespace

    @property
    def only_namespace(self) -> str | None:
        """The namespace whose objects are shown; None for all. Files are shown wholly unless -n is given."""
        if self.options.all_namespaces or (not self.options.namespace and not self.source.is_live):
            return None
        return self.namespace

    def read(self, kinds: Iterable[Resource] = IPAM) -> Snapshot:
        """Read the source, all namespaces of it, and note what of it can't be read. Raises Unanswerable."""
        with progress(f"reading {self.source.origin}"):
            snapshot = self.source.read(kinds, fallback=self.options.namespace or "")
        if snapshot.namespace and self.source.is_live and not self.options.namespace:
            self.note(f"only namespace {snapshot.namespace} can be read with your rights")
        for kind, key, _ in snapshot.unreadable_of(RANGES, REQUESTS):
            self.note(f"{kind.kind} {key} can't be read: kubectl ipam check says why")
        if not self.source.is_live:
            self.note_left_out(snapshot)
        return snapshot

    def note_left_out(self, snapshot: Snapshot) -> None:
        """Note which kinds of objects, or that other namespaces, are missing in a dump."""
        if kinds := ", ".join(each.plural for each in left_out(snapshot)):
            self.note(f"{snapshot.origin} has no {kinds}: what depends on them is not known. Write a dump by: {DUMP}")
        if only := snapshot.namespace:
            others = "blocks of others: what depends on these is not known"
            self.note(f"{snapshot.origin} has only namespace {only}, but names {others}. Write a dump by: {DUMP}")

    @property
    def same_files(self) -> str:
        """The flags by which another command reads the same files; "" if a cluster is read."""
        return "" if self.source.is_live else " ".join(f"-f {file}" for file in self.options.filename)

    def name_of(self, text: str) -> NamespacedName:
        """The object that an argument names: NAME or NAMESPACE/NAME."""
        name = NamespacedName.parse(text)
        return name if name.namespace else NamespacedName(self.namespace, name.name)

    def range_called(self, snapshot: Snapshot, text: str) -> Range:
        """The range that an argument names; one with this name elsewhere, if there is just one.

        Raises:
            Unanswerable: if there is none.
        """
        text = text.removeprefix("iprange/").removeprefix("ipamrange/")
        name = self.name_of(text)
        if found := snapshot.ranges.get(str(name)):
            return found
        elsewhere = [key for key in snapshot.ranges if key.endswith(f"/{name.name}")]
        if len(elsewhere) == 1 and not self.options.namespace and "/" not in text:
            return snapshot.ranges[elsewhere[0]]
        where = self.same_files or "-A"
        hint = f"did you mean {' or '.join(elsewhere)}?" if elsewhere else f"list them: kubectl ipam show {where}"
        raise Unanswerable(f'no range "{name}" in {snapshot.origin}: {hint}', exit_code=1)

    def searched(self, snapshot: Snapshot) -> str:
        """What of a snapshot -n selects, or the whole, as words behind "in" or "of"."""
        namespace = self.options.namespace
        return f"namespace {namespace} in {snapshot.origin}" if namespace else snapshot.origin

    def note(self, text: str) -> None:
        """Print a diagnostic line."""
        print(text, file=sys.stderr)

    def print_document(self, document: Any) -> None:
        """Print plain data as -o json or -o yaml asks."""
        if self.options.output == "yaml":
            import yaml

            yaml.safe_dump(document, self.out, default_flow_style=False, sort_keys=False, width=2**31)
            return
        json.dump(document, self.out, indent=2)
        self.out.write("\n")


def left_out(snapshot: Snapshot) -> list[Resource]:
    """The kinds that were not read although there must be objects of them: a dump was written without these."""
    ranges, requests = snapshot.ranges.values(), snapshot.requests.values()
    is_served = any(each.status.cidr for each in requests)
    exist = {
        RANGES: is_served,
        EXTENTS: any(each.status.state == "Ready" for each in ranges),
        SLICES: is_served,
        REQUESTS: any(line.released_at is None for each in ranges for line in each.status.allocations),
        NAMESPACES: any(b"Selector" in bytes(each.spec) for each in ranges),
    }
    known = snapshot.raw.keys() | snapshot.absent | snapshot.denied.keys()
    return [kind for kind in IPAM if exist[kind] and kind not in known]
