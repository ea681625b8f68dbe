"""A single range in a loop: objects in dicts, every cache fresh, no faults except for refusals by rule S2. It calls the
hooks and applies their answers as Metacontroller does (children first, then the status; labels, annotations and status
of requests), until nothing changes. The addresses of the range have been announced before the first call.
"""

import copy
from datetime import datetime, timedelta
from typing import Any

from hooks.api.names import EXTENT_KIND, REQUEST_FINALIZER, SLICE_KIND
from tests.hooks.build import NOW, Obj, announcing, namespace_object, range_body, range_object, slice_object, written
from tests.hooks.calls import answer_to, customize_request, finalize_request, sync_request

SLICES = "ipamallocationslices"


class SingleRange:
    """One range, its slices by name, and requests by name."""

    def __init__(self, parent: Obj | None = None) -> None:
        self.range: Obj | None = parent or range_object()
        self.requests: dict[str, Obj] = {}
        self.slices: dict[str, Obj] = {}
        self.extents: list[Obj] = announcing(self.range)
        self.now: datetime = NOW
        self.published: dict[str, str] = {}  # cidr by uid of the request, over the whole history

    def create(self, *requests: Obj) -> None:
        for request in requests:
            self.requests[request["metadata"]["name"]] = copy.deepcopy(request)

    def delete(self, *names: str) -> None:
        for name in names:
            self.requests[name]["metadata"]["deletionTimestamp"] = self._stamp()

    def delete_range(self) -> None:
        assert self.range
        self.range["metadata"]["deletionTimestamp"] = self._stamp()

    def _stamp(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def body(self) -> Obj:
        assert self.range
        return range_body(
            self.range,
            *self.requests.values(),
            slices=list(self.slices.values()),
            namespaces=[namespace_object()],
            announced=self.extents,
            extents=self.extents,
            finalizing="deletionTimestamp" in self.range["metadata"],
        )

    def sync_range(self) -> None:
        if self.range is None:
            return
        answer = answer_to(self.body(), self.now)
        if answer.get("finalized"):
            self.range, self.slices, self.extents = None, {}, []
            return
        children: dict[str, Obj] = {}
        slices = [child for child in answer["children"] if child["kind"] == SLICE_KIND]
        returned = [child["spec"] for child in answer["children"] if child["kind"] == EXTENT_KIND]
        if self.range["status"].get("closing") and not answer["children"]:
            self.extents = []
        assert returned == [each["spec"] for each in self.extents], "an extent stays as it is until its range is empty"
        for child in slices:
            spec, name = child["spec"], child["metadata"]["name"]
            made = slice_object(created=self._stamp(), name=name)
            children[name] = written(self.slices.get(name, made) | {"spec": spec})
            before = {item["uid"]: item.get("cidr") for item in self.slices.get(name, made)["spec"]["answers"]}
            for item in spec["answers"]:
                assert before.get(item["uid"]) in (None, item.get("cidr")), "the cidr of an answer never changes"
        self.slices = children
        self._commit(answer["status"])

    def _commit(self, status: Obj) -> None:
        """Rule S2 of the CRD."""
        assert self.range
        before = self.range["status"]
        ledger = [(each.get("allocations", []), each.get("closing", False)) for each in (before, status)]
        steps = (0, 1) if ledger[0] == ledger[1] else (1,)
        assert status["revision"] - before["revision"] in steps, "S2: a changed ledger has the next revision"
        self.range["status"] = status

    def sync_request(self, name: str) -> None:
        request = self.requests[name]
        (rule,) = [each for each in customize_request(request)["relatedResources"] if each["resource"] == SLICES]
        slices = [self.slices[each] for each in rule["names"] if each in self.slices]
        if "deletionTimestamp" in request["metadata"]:
            answer = finalize_request(request, slices=slices, now=self.now)
            request["metadata"].setdefault("annotations", {}).update(answer.get("annotations", {}))
            if answer.get("finalized"):
                request["metadata"]["finalizers"].remove(REQUEST_FINALIZER)
                if not request["metadata"]["finalizers"]:
                    del self.requests[name]
            return
        answer = sync_request(request, slices=slices, now=self.now)
        if answer.get("status") is not None:
            request["status"] = answer["status"]
        for field in ("labels", "annotations"):
            request["metadata"].setdefault(field, {}).update(answer.get(field, {}))
        if cidr := request.get("status", {}).get("cidr"):
            uid = request["metadata"]["uid"]
            assert self.published.setdefault(uid, cidr) == cidr, "Stable: a published cidr never changes"

    def run(self, rounds: int = 30) -> int:
        """Call the hooks until nothing changes; return the number of rounds, of which the last one changed nothing."""
        for count in range(1, rounds + 1):
            before = copy.deepcopy(self.state())
            self.sync_range()
            for name in sorted(self.requests):
                self.sync_request(name)
            if self.state() == before:
                return count
        raise AssertionError(f"not at rest after {rounds} rounds")

    def state(self) -> Any:
        return self.range, self.requests, self.slices, self.extents

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def cidrs(self) -> dict[str, str]:
        """The blocks in the status of requests, by name."""
        return {name: each.get("status", {}).get("cidr", "") for name, each in self.requests.items()}

    def ledger(self) -> dict[str, str]:
        assert self.range
        lines = self.range["status"].get("allocations", [])
        return {line["request"].partition("/")[2]: line["cidr"] for line in lines}
