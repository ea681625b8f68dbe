"""The Grafana dashboard: ranges and their forecast, requests that wait, the hooks, and Metacontroller.

The series come from kube-state-metrics (deploy/monitoring/metrics.yaml), from the hooks (hooks/metrics.py) and from
Metacontroller.
"""

import json
from pathlib import Path

from generators.panels import Column, Obj, Query, placed, row, stat, table, time_series

#: The selection at the top of the dashboard.
_SELECTED = 'namespace=~"$namespace", range=~"$range"'
_OURS = 'url=~"https?://ipam-hooks[.].+"'
_DECORATORS = "ipamrequest(-.+)?|ipaddressclaim|claimedrequest|service"
_QUEUES = f'name=~"CompositeController-ipamrange(-.+)?|DecoratorController-({_DECORATORS})"'
#: Metacontroller's other metrics have names that many programs use: those of the processes that call hooks.
_METACONTROLLER = "and on (instance) group by (instance) (metacontroller_sync_requests_total)"
#: Matchers of the types of conditions: those that are normally True, and those that are normally absent.
_READY, _CONSISTENT, _EXPECTED = '="Ready"', '="Consistent"', '=~"Ready|Consistent"'
_NOTABLE = '!~"Ready|Drained|Consistent"'
_BY_RANGE = "{{namespace}}/{{range}}"
_RATE = "[$__rate_interval]"


def dashboard_json(_: Path) -> str:
    """The file, as text."""
    return json.dumps(_dashboard(), indent=2) + "\n"


def _dashboard() -> Obj:
    panels = [*_ranges(), *_requests(), *_hooks(), *_metacontroller()]
    return {
        "uid": "ipam",
        "title": "IPAM",
        "description": "IPAMRanges and IPAMRequests, the hooks that serve them, and Metacontroller.",
        "tags": ["ipam", "kubernetes"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_datasource(), _variable("namespace", ""), _variable("range", "namespace")]},
        "annotations": {"list": []},
        "links": [],
        "panels": placed(panels),
    }


def _datasource() -> Obj:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _variable(label: str, within: str) -> Obj:
    """A choice of values of a label, within the choice of another one."""
    chosen = f'{{{within}=~"${within}"}}' if within else ""
    query = f"label_values(ipam_range_capacity_addresses{chosen}, {label})"
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "query": {"query": query, "refId": label},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "sort": 1,
    }


def _by_range(expr: str) -> str:
    """A value of ranges, once, however many kube-state-metrics there are."""
    return f"max by (namespace, range) ({expr})"


def _of_ranges(name: str) -> str:
    """A metric of the chosen ranges."""
    return _by_range(f"ipam_range_{name}{{{_SELECTED}}}")


def _condition(matcher: str) -> str:
    """The conditions of the chosen ranges whose type matches."""
    return f"max by (namespace, range, type) (ipam_range_condition{{type{matcher}, {_SELECTED}}})"


def _count_of_requests(state: str) -> str:
    return f'count(max by (namespace, request) (ipam_request_state{{state="{state}"}}) == 1) or vector(0)'


def _ranges() -> list[Obj]:
    return [row("Ranges"), *_numbers(), _table_of_ranges(), *_trends()]


def _numbers() -> list[Obj]:
    capacity, pending = _of_ranges("capacity_addresses"), _of_ranges("pending_requests")
    return [
        stat("Ranges", "Number of ranges.", f"count({capacity}) or vector(0)"),
        stat(
            "Ranges that are not ready",
            "The alert IPAMRangeNotReady names them.",
            f"count({_condition(_READY)} == 0) or vector(0)",
            red_above=0,
        ),
        stat(
            "Contradictions",
            "Ranges whose ledger contradicts what was published: the alert IPAMRangeInconsistent names them.",
            f"count({_condition(_CONSISTENT)} == 0) or vector(0)",
            red_above=0,
        ),
        stat("Waiting requests", "Requests that wait for room.", f"sum({pending}) or vector(0)"),
        stat("Requests without an answer", "Requests that no range has answered yet.", _count_of_requests("Pending")),
        stat("Invalid requests", "Requests that cannot be served as written.", _count_of_requests("Invalid")),
    ]


def _table_of_ranges() -> Obj:
    free, capacity = _of_ranges("free_addresses"), _of_ranges("capacity_addresses")
    falling = f"-{_by_range(f'deriv(ipam_range_free_addresses{{{_SELECTED}}}[1d])')} > 0"
    return table(
        "Ranges",
        "Full in: the time until no address is free if use grows as on the last day; empty if it does not grow.",
        Column("Used", f"{_of_ranges('allocated_addresses')} / {capacity}", "percentunit"),
        Column("Free", free),
        Column("Addresses", capacity),
        Column("Waiting", _of_ranges("pending_requests")),
        Column("Full in", f"{free} / ({falling})", "s"),
        Column("Notes", f"max by (namespace, range, domain, notes) (ipam_range_info{{{_SELECTED}}})"),
        sorted_by="Used",
    )


def _trends() -> list[Obj]:
    used = f"{_of_ranges('allocated_addresses')} / {_of_ranges('capacity_addresses')}"
    in_a_week = f"predict_linear(ipam_range_free_addresses{{{_SELECTED}}}[1d], {7 * 86_400})"
    return [
        time_series("Used", "Allocated part of each range.", Query(used, _BY_RANGE), unit="percentunit"),
        time_series(
            "Free addresses, and the forecast for a week later",
            "The forecast continues the trend of the last day.",
            Query(_of_ranges("free_addresses"), _BY_RANGE),
            Query(f"clamp_min({_by_range(in_a_week)}, 0)", f"{_BY_RANGE} in a week"),
        ),
        time_series(
            "Waiting requests",
            "Requests that wait, by range.",
            Query(_of_ranges("pending_requests"), _BY_RANGE),
            stacked=True,
        ),
        time_series(
            "Conditions",
            "Conditions of ranges that ask for attention, and ranges that are not ready.",
            Query(f"{_condition(_NOTABLE)} == 1", f"{_BY_RANGE} {{{{type}}}}"),
            Query(f"({_condition(_EXPECTED)} == bool 0) > 0", f"{_BY_RANGE} not {{{{type}}}}"),
        ),
    ]


def _requests() -> list[Obj]:
    chosen = 'namespace=~"$namespace"'
    unserved = f'max by (namespace, request, range, state) (ipam_request_state{{state!="Ready", {chosen}}}) == 1'
    deleted = f"max by (namespace, request, range) (ipam_request_deletion_timestamp{{{chosen}}})"
    states = f"max by (namespace, request, state) (ipam_request_state{{{chosen}}})"
    return [
        row("Requests"),
        table(
            "Requests that are not served",
            "Busy requests are served as soon as there is room; status.message of each request gives the reason.",
            Column("Requests", unserved),
            sorted_by="range",
        ),
        table(
            "Requests that are being deleted",
            "A request keeps its block until its range has released it.",
            Column("Since", f"time() - {deleted}", "s"),
            sorted_by="Since",
            height=6,
        ),
        time_series(
            "Requests by state",
            "All requests of the chosen namespaces.",
            Query(f"sum by (state) ({states})", "{{state}}"),
            stacked=True,
        ),
        time_series(
            "Answers by reason",
            "How often the hooks gave this reason. A request that waits is answered again and again.",
            Query(f"sum by (reason) (rate(ipam_hooks_outcomes_total{_RATE}))", "{{reason}}"),
            unit="ops",
            stacked=True,
        ),
    ]


def _quantile(quantile: float, metric: str, labels: str = "") -> str:
    return f"histogram_quantile({quantile}, sum by (hook, le) (rate({metric}_bucket{labels}{_RATE})))"


def _hooks() -> list[Obj]:
    decide, decode = '{part="decide"}', '{part="decode"}'
    return [
        row("Hooks"),
        time_series(
            "Calls",
            "Calls by status code. 429 asks Metacontroller to call again with a newer ledger.",
            Query(f"sum by (hook, code) (rate(ipam_hooks_calls_total{_RATE}))", "{{hook}} {{code}}"),
            unit="reqps",
        ),
        time_series(
            "Time to decide",
            "Metacontroller waits for at most 30 seconds for a whole call.",
            Query(_quantile(0.5, "ipam_hooks_call_seconds", decide), "{{hook}} median"),
            Query(_quantile(0.99, "ipam_hooks_call_seconds", decide), "{{hook}} 99%"),
            unit="s",
        ),
        time_series(
            "Time to decode",
            "Time to read the body.",
            Query(_quantile(0.99, "ipam_hooks_call_seconds", decode), "{{hook}} 99%"),
            unit="s",
        ),
        time_series(
            "Size of calls",
            "The hooks reject bodies above IPAM_BODY_BYTES_MAX, 64 MiB by default.",
            Query(_quantile(0.99, "ipam_hooks_body_bytes"), "{{hook}} 99%"),
            unit="bytes",
        ),
        time_series(
            "Proposals",
            "New revisions that the hooks proposed, and calls that came too early to propose one.",
            Query(f"sum(rate(ipam_hooks_proposals_total{_RATE}))", "proposed"),
            Query(f"sum(rate(ipam_hooks_stale_proposals_total{_RATE}))", "too early (429)"),
            unit="ops",
        ),
        time_series(
            "Findings of the self-audit",
            "Answers that report a contradiction. The log of the hooks names the range.",
            Query(f"sum(increase(ipam_hooks_contradictions_total{_RATE}))", "contradictions"),
        ),
    ]


def _metacontroller() -> list[Obj]:
    hooks = ("sync", "finalize", "customize")
    calls = f"rate(rest_client_requests_total{_RATE}) {_METACONTROLLER}"
    return [
        row("Metacontroller"),
        time_series(
            "Calls of the hooks",
            "A call without any response is not counted.",
            *(
                Query(
                    f"sum by (controller_name, code) (rate(metacontroller_{hook}_requests_total{{{_OURS}}}{_RATE}))",
                    f"{{{{controller_name}}}} {hook} {{{{code}}}}",
                )
                for hook in hooks
            ),
            unit="reqps",
        ),
        time_series(
            "Duration of the calls, as Metacontroller sees them",
            "With the time in which the call waits for a free worker.",
            *(
                Query(
                    "histogram_quantile(0.99, sum by (controller_name, le) "
                    f"(rate(metacontroller_{hook}_request_duration_histogram_seconds_bucket{{{_OURS}}}{_RATE})))",
                    f"{{{{controller_name}}}} {hook} 99%",
                )
                for hook in hooks
            ),
            unit="s",
        ),
        time_series(
            "Objects in the queues",
            "Ranges and requests that Metacontroller has still to call for.",
            Query(f"sum by (name) (workqueue_depth{{{_QUEUES}}})", "{{name}}"),
        ),
        time_series(
            "Calls of the API server",
            "422: a stale status of a range was rejected, which is harmless. --client-go-qps limits the rate.",
            Query(f"sum by (method, code) ({calls})", "{{method}} {{code}}"),
            unit="reqps",
        ),
    ]
