"""Panels of a Grafana dashboard in their JSON form, and their places on it."""

from typing import Any, NamedTuple

Obj = dict[str, Any]
#: Grafana's grid has this many columns.
WIDTH = 24
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


class Query(NamedTuple):
    """An expression, and how the series are named; in a table, the name of the column of its values."""

    expr: str
    legend: str = ""


class Column(NamedTuple):
    """A column of a table: its query, and the unit of the values."""

    name: str
    expr: str
    unit: str = "short"


def row(title: str) -> Obj:
    """A heading over the panels that follow."""
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"h": 1, "w": WIDTH}}


def stat(title: str, description: str, expr: str, *, red_above: float | None = None) -> Obj:
    """One number; red above a threshold."""
    steps: list[Obj] = [{"color": "text" if red_above is None else "green", "value": None}]
    if red_above is not None:
        steps.append({"color": "red", "value": red_above + 1})
    panel = _panel("stat", title, description, [Query(expr)], width=4, height=4)
    panel["fieldConfig"]["defaults"] |= {"thresholds": {"mode": "absolute", "steps": steps}, "decimals": 0}
    panel["options"] = {
        "colorMode": "value",
        "graphMode": "area",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return panel


def time_series(title: str, description: str, *queries: Query, unit: str = "short", stacked: bool = False) -> Obj:
    """Lines over time."""
    panel = _panel("timeseries", title, description, queries, width=12, height=8)
    mode = "normal" if stacked else "none"
    panel["fieldConfig"]["defaults"] |= {
        "unit": unit,
        "min": 0,
        "custom": {"fillOpacity": 20 if stacked else 0, "showPoints": "never", "stacking": {"mode": mode}},
    }
    panel["options"] = {
        "legend": {"displayMode": "table", "placement": "right", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel


def table(title: str, description: str, *columns: Column, sorted_by: str, height: int = 9) -> Obj:
    """The present values, with a row for each combination of labels that the expressions keep."""
    panel = _panel("table", title, description, [Query(each.expr) for each in columns], width=WIDTH, height=height)
    letters = [target["refId"] for target in panel["targets"]]
    for target in panel["targets"]:
        target |= {"format": "table", "instant": True}
    names = [f"Value #{letter}" if len(columns) > 1 else "Value" for letter in letters]
    panel["transformations"] = [
        {"id": "merge", "options": {}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {"Time": True},
                "renameByName": {name: each.name for name, each in zip(names, columns, strict=True)},
            },
        },
    ]
    panel["fieldConfig"]["overrides"] = [
        {"matcher": {"id": "byName", "options": each.name}, "properties": [{"id": "unit", "value": each.unit}]}
        for each in columns
    ]
    panel["options"] = {"sortBy": [{"displayName": sorted_by, "desc": True}], "showHeader": True}
    return panel


def placed(panels: list[Obj]) -> list[Obj]:
    """The panels with their numbers and places: from left to right, in a new line where one is full."""
    x = y = height = 0
    for number, panel in enumerate(panels, 1):
        size = panel["gridPos"]
        if x + size["w"] > WIDTH:
            x, y, height = 0, y + height, 0
        panel["id"] = number
        panel["gridPos"] = {"x": x, "y": y, **size}
        x, height = x + size["w"], max(height, size["h"])
    return panels


def _panel(kind: str, title: str, description: str, queries: Any, *, width: int, height: int) -> Obj:
    targets = [
        {"refId": letter, "datasource": _DATASOURCE, "expr": query.expr, "legendFormat": query.legend}
        for letter, query in zip("ABCDEFGH", queries, strict=False)
    ]
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": _DATASOURCE,
        "gridPos": {"h": height, "w": width},
        "fieldConfig": {"defaults": {}, "overrides": []},
        "targets": targets,
    }
