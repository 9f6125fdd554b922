"""An answer as files: a JSON document with GeoJSON themes, and the table of one theme as CSV."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson

from gis_service.analysis.answer import CLASS, Answer, Column, Theme
from gis_service.exports.csv_table import csv_table
from layers.rules import RULES_VERSION, Rule


def to_json(answer: Answer) -> bytes:
    """Return the answer as JSON; each theme holds a FeatureCollection in CRS84."""
    return b"".join(
        (
            orjson.dumps(_head(answer))[:-1],
            b',"themes":[',
            b",".join(_theme(theme) for theme in answer.themes),
            b"]}",
        )
    )


def to_csv(theme: Theme) -> bytes:
    """Return a theme's table with Chinese titles and a BOM; texts that a spreadsheet would run stay texts."""
    titles = {one.key: one.title for one in theme.classes}
    rows = (feature["properties"] for feature in orjson.loads(theme.features)["features"])
    return csv_table(
        [*(_title(column) for column in theme.columns), "分类"],
        (
            [*(_cell(column, values.get(column.name)) for column in theme.columns),
             titles.get(str(values.get(CLASS)), "")]
            for values in rows
        ),
    )  # fmt: skip


def _head(answer: Answer) -> dict[str, Any]:
    return {
        "name": answer.name,
        "title": answer.title,
        "community": answer.community,
        "on": answer.on,
        "dated": answer.dated,
        "unit": answer.unit,
        "measured_in": f"EPSG:{answer.srid}",
        "finding": answer.finding,
        "method": answer.method,
        "facts": [asdict(fact) for fact in answer.facts],
        "curves": [asdict(curve) for curve in answer.curves],
        "rules_version": RULES_VERSION,
        "rules": [_rule(rule) for rule in answer.rules],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code, "title": rule.title, "value": rule.value, "unit": rule.unit, "basis": rule.basis,
        "status": str(rule.status), "effective_from": rule.effective_from,
    }  # fmt: skip


def _theme(theme: Theme) -> bytes:
    said = {
        "name": theme.name,
        "title": theme.title,
        "count": theme.count,
        "columns": [
            {"name": column.name, "title": column.title, "kind": str(column.kind), "unit": column.unit}
            for column in theme.columns
        ],
        "classes": [{"key": one.key, "title": one.title} for one in theme.classes],
    }
    return orjson.dumps(said)[:-1] + b',"features":' + theme.features.encode() + b"}"


def _title(column: Column) -> str:
    return f"{column.title}({column.unit})" if column.unit else column.title


def _cell(column: Column, value: Any) -> str | float | None:
    if isinstance(value, list):
        return "、".join(str(_cell(column, one)) for one in value)
    if isinstance(value, bool):
        return "是" if value else "否"
    if value is None or isinstance(value, int | float):
        return value
    return str((column.codes or {}).get(str(value), value))
