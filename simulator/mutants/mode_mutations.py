"""Mutations of the modes by which free blocks are selected."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Obj
    from simulator.mutants.mutations import Ask


def forget_cursors(_: str, body: Obj, ask: Ask) -> Obj:
    """Round robin starts again in each call."""
    status = body["parent"].get("status", {})
    cursors = status.pop("roundRobin", {})
    answer = ask(body)
    cursors |= answer["status"].get("roundRobin", {})
    if cursors:
        answer["status"]["roundRobin"] = dict(sorted(cursors.items(), key=lambda item: int(item[0])))
    return answer


def fit_best(_: str, body: Obj, ask: Ask) -> Obj:
    """First fit is served by best fit."""
    spec = body["parent"]["spec"]
    if spec.get("mode") == "FirstFit":
        spec["mode"] = "BestFit"
    return ask(body)
