"""Prometheus itself reads every expression, fires each alert when it should, and has a value for each panel."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import yaml

from controlplane.promtool import BUILD_SECONDS_MAX, find_or_build_promtool

if TYPE_CHECKING:
    from controlplane.api import Obj

ROOT = Path(__file__).parents[2]
GROUPS: list[Obj] = yaml.safe_load((ROOT / "deploy/monitoring/alerts.yaml").read_text())["spec"]["groups"]
PANELS: list[Obj] = json.loads((ROOT / "deploy/monitoring/dashboard.json").read_text())["panels"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel.get("targets", ())]
RANGE = 'namespace="infra", range="net"'
REQUEST = 'namespace="team", request="web", range="net"'
SYNC = 'hook="/ipamrange/sync"'
URL = "http://ipam-hooks.ipam-system:80/ipamrange/sync"
CONTROLLER = f'controller_name="ipamrange", controller_type="CompositeController", url="{URL}", instance="mc"'
#: The evaluation takes place after 26 hours, with a value every two minutes.
STEPS, AT, AT_SECONDS = 780, "26h", 93_600

pytestmark = [pytest.mark.usefixtures("control_plane"), pytest.mark.timeout(BUILD_SECONDS_MAX)]


class Firing(NamedTuple):
    """Series with which an alert fires, and series with which it does not."""

    series: dict[str, str]
    quiet: dict[str, str]


def flat(value: float) -> str:
    return f"{value}x{STEPS}"


def rising(step: float) -> str:
    return f"0+{step}x{STEPS}"


def condition(type_: str, value: int) -> dict[str, str]:
    return {f'ipam_range_condition{{{RANGE}, type="{type_}", reason="R"}}': flat(value)}


def state(name: str, value: int) -> dict[str, str]:
    return {f'ipam_request_state{{{REQUEST}, state="{name}"}}': flat(value)}


def space(free: str, total: int = 1000) -> dict[str, str]:
    return {
        f"ipam_range_free_addresses{{{RANGE}}}": free,
        f"ipam_range_capacity_addresses{{{RANGE}}}": flat(total),
    }


def decided(*, slow: float, all_: float) -> dict[str, str]:
    """Calls in two minutes that were decided: of all, and of those that took more than ten seconds."""
    name = f'ipam_hooks_call_seconds_bucket{{{SYNC}, part="decide", le='
    return {f'{name}"10.0"}}': rising(all_ - slow), f'{name}"30.0"}}': rising(all_), f'{name}"+Inf"}}': rising(all_)}


def sizes(*, large: float, all_: float) -> dict[str, str]:
    return {
        f'ipam_hooks_body_bytes_bucket{{{SYNC}, le="1.6777216e+07"}}': rising(all_ - large),
        f"ipam_hooks_body_bytes_count{{{SYNC}}}": rising(all_),
    }


def proposals(*, stale: float, new: float) -> dict[str, str]:
    return {"ipam_hooks_stale_proposals_total": rising(stale), "ipam_hooks_proposals_total": rising(new)}


def called(code: int, step: float, **others: str) -> dict[str, str]:
    labels = ", ".join([CONTROLLER, f'code="{code}"', 'method="post"'])
    return {f"metacontroller_sync_requests_total{{{labels}}}": rising(step), **others}


#: Calls of the hook of ranges.
SERVED = {f'ipam_hooks_calls_total{{{SYNC}, code="200"}}': rising(1)}
FIRINGS: dict[str, Firing] = {
    "IPAMRangeNotReady": Firing(condition("Ready", 0), condition("Ready", 1)),
    "IPAMRequestsWaiting": Firing(
        {f"ipam_range_pending_requests{{{RANGE}}}": flat(3)}, {f"ipam_range_pending_requests{{{RANGE}}}": flat(0)}
    ),
    "IPAMRangeNearlyFull": Firing(space(flat(99)) | condition("OnHold", 0), space(flat(100))),
    "IPAMRangeFullSoon": Firing(space(f"1000-0.5x{STEPS}"), space(f"1000-0.1x{STEPS}")),
    "IPAMHoldersAbsent": Firing(condition("HoldersAbsent", 1), condition("HoldersAbsent", 0)),
    "IPAMRangeInconsistent": Firing(condition("Consistent", 0), condition("Ready", 1)),
    "IPAMRangeMistaken": Firing(condition("RangesIgnored", 1), condition("Overlapping", 1)),
    "IPAMAnswersDelayed": Firing(condition("AnswersDelayed", 1), condition("Ready", 1)),
    "IPAMRangesOverlap": Firing(condition("Overlapping", 1), condition("Ready", 1)),
    "IPAMHoldForgotten": Firing(condition("OnHold", 1), condition("Ready", 1)),
    "IPAMRequestPending": Firing(state("Pending", 1), state("Pending", 0)),
    "IPAMRequestInvalid": Firing(state("Invalid", 1), state("Busy", 1)),
    "IPAMRequestStuckInDeletion": Firing(
        {f"ipam_request_deletion_timestamp{{{REQUEST}}}": flat(0)},
        {f"ipam_request_deletion_timestamp{{{REQUEST}}}": flat(AT_SECONDS - 60)},
    ),
    "IPAMHookFails": Firing(called(500, 0.1), called(429, 10)),
    "IPAMContradictionFound": Firing(
        {"ipam_hooks_contradictions_total": rising(0.5)}, {"ipam_hooks_contradictions_total": flat(7)}
    ),
    "IPAMHooksSlow": Firing(decided(slow=1, all_=50), decided(slow=0.1, all_=50)),
    "IPAMCallsLarge": Firing(sizes(large=1, all_=50), sizes(large=0, all_=50)),
    "IPAMLedgerContention": Firing(proposals(stale=20, new=1), proposals(stale=20, new=30)),
    "IPAMHooksNotScraped": Firing(condition("Ready", 1), SERVED),
    "IPAMRangesNotScraped": Firing(SERVED, SERVED | condition("Ready", 1)),
    "IPAMRangesUnattended": Firing(condition("Ready", 1), condition("Ready", 1) | called(200, 1)),
}


#: Further series with which an alert does not fire.
QUIET: list[tuple[str, dict[str, str]]] = [
    ("IPAMRangeNearlyFull", space(flat(0)) | condition("OnHold", 1)),
    ("IPAMRangesNotScraped", {f'ipam_hooks_calls_total{{{SYNC}, code="200"}}': flat(7)}),
]


@pytest.fixture(scope="module")
def promtool() -> Path:
    found = find_or_build_promtool()
    if found is None:
        pytest.skip("promtool is built with Go; PROMTOOL=/path names an existing one")
    return found


def run(promtool: Path, *arguments: str) -> None:
    done = subprocess.run([promtool, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def written(folder: Path, name: str, content: Obj) -> str:
    path = folder / name
    path.write_text(yaml.safe_dump(content))
    return str(path)


def rules(folder: Path) -> str:
    return written(folder, "alerts.yaml", {"groups": GROUPS})


def case(series: dict[str, str], *expected: Obj) -> Obj:
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    return {"interval": "2m", "input_series": inputs, "promql_expr_test": list(expected)}


def firing(name: str, *expected: Obj) -> Obj:
    """The expectation of a number of alerts of this name, or of none."""
    fires = f'count(ALERTS{{alertname="{name}", alertstate="firing"}})'
    return {"expr": fires, "eval_time": AT, "exp_samples": list(expected)}


def test_prometheus_accepts_the_alerts(promtool: Path, tmp_path: Path) -> None:
    run(promtool, "check", "rules", "--lint-fatal", rules(tmp_path))


def test_each_alert_fires_when_it_should_and_only_then(promtool: Path, tmp_path: Path) -> None:
    assert set(FIRINGS) == {rule["alert"] for group in GROUPS for rule in group["rules"]}
    cases = []
    for name, (series, quiet) in FIRINGS.items():
        cases += [case(series, firing(name, {"labels": "{}", "value": 1})), case(quiet, firing(name))]
    cases += [case(series, firing(name)) for name, series in QUIET]
    content = {"rule_files": [rules(tmp_path)], "evaluation_interval": "10m", "tests": cases}
    run(promtool, "test", "rules", written(tmp_path, "tests.yaml", content))


def test_each_panel_has_a_value_when_its_series_exist(promtool: Path, tmp_path: Path) -> None:
    series = SERVED | space(f"1000-0.5x{STEPS}") | decided(slow=1, all_=50) | sizes(large=1, all_=50)
    series |= condition("Overlapping", 1) | condition("Consistent", 0) | state("Busy", 1)
    series |= called(200, 1) | proposals(stale=1, new=1)
    series |= {
        f"ipam_range_allocated_addresses{{{RANGE}}}": rising(0.25),
        f"ipam_range_pending_requests{{{RANGE}}}": flat(3),
        f'ipam_range_info{{{RANGE}, domain="default", notes="Full"}}': flat(1),
        f"ipam_request_deletion_timestamp{{{REQUEST}}}": flat(0),
        f'ipam_hooks_call_seconds_bucket{{{SYNC}, part="decode", le="0.1"}}': rising(1),
        f'ipam_hooks_call_seconds_bucket{{{SYNC}, part="decode", le="+Inf"}}': rising(1),
        f'ipam_hooks_body_bytes_bucket{{{SYNC}, le="+Inf"}}': rising(50),
        f'ipam_hooks_outcomes_total{{{SYNC}, reason="Serving"}}': rising(1),
        "ipam_hooks_contradictions_total": rising(1),
        'workqueue_depth{name="CompositeController-ipamrange"}': flat(2),
        'rest_client_requests_total{instance="mc", method="PUT", code="200"}': rising(1),
    }
    for hook in ("sync", "finalize", "customize"):
        name = f"metacontroller_{hook}_request_duration_histogram_seconds_bucket"
        series |= {f'{name}{{{CONTROLLER}, le="{bound}"}}': rising(1) for bound in ("0.1", "+Inf")}
        series[f'metacontroller_{hook}_requests_total{{{CONTROLLER}, code="200"}}'] = rising(1)
    series['metacontroller_sync_requests_total{instance="mc"}'] = rising(1)
    values = {"$namespace": ".*", "$range": ".*", "$__rate_interval": "5m"}
    shown = []
    for template in EXPRESSIONS:
        expr = re.sub(r"\$\w+", lambda found: values[found[0]], template)
        shown.append(
            {"expr": f"count({expr}) > bool 0", "eval_time": AT, "exp_samples": [{"labels": "{}", "value": 1}]}
        )
    content = {"rule_files": [], "evaluation_interval": "10m", "tests": [case(series, *shown)]}
    run(promtool, "test", "rules", written(tmp_path, "tests.yaml", content))
