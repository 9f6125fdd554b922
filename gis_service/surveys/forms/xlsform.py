"""Forms for ODK Collect and KoboToolbox (XLSForm), made from a layer's declaration: what comes back uploads as it is.

Questions are called like fields, choices like codes, and none stands in a group, so that the columns and values of an
exported table are those of the layer. The place is asked by a question of its own, whose coordinates are WGS 84.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from io import BytesIO
from typing import Final

import orjson
import xlsxwriter

from gis_service.surveys.forms.filling import YES_NO, form_fields, left_empty, plain, refusal, taken, to_fill
from layers.field import Kind, LayerField
from layers.layer import Layer

LANGUAGE: Final = "中文 (zh)"
PLACE: Final = "location"
"""Name of the question that asks for the geometry."""

_LABEL, _HINT = f"label::{LANGUAGE}", f"hint::{LANGUAGE}"
_REFUSAL = f"constraint_message::{LANGUAGE}"
_SURVEY: Final = ("type", "name", _LABEL, _HINT, "required", "constraint", _REFUSAL, "default", "appearance")
_CHOICES: Final = ("list_name", "name", _LABEL)
_TYPES: Final = {
    Kind.TEXT: "text",
    Kind.INTEGER: "integer",
    Kind.NUMBER: "decimal",
    Kind.BOOLEAN: "select_one yes_no",
    Kind.DATE: "date",
    Kind.TIME: "dateTime",
    Kind.TEXTS: "text",
}
_PLACES: Final = {
    "POINT": ("geopoint", "位置", "站在旁边,等定位稳定后再记下"),
    "GEOMETRY": ("geopoint", "位置", "站在旁边,等定位稳定后再记下"),
    "MULTILINESTRING": ("geotrace", "走向", "沿着它走一遍,或在图上描出来"),
    "MULTIPOLYGON": ("geoshape", "范围", "绕着它走一圈,或在图上描出来"),
}
_MANY_CHOICES: Final = 12
"""Longer lists are opened to choose from; a phone shows no more at once."""
_LONG_TEXT: Final = 500
_MADE: Final = datetime.fromisoformat("2026-01-01T00:00:00")

Row = dict[str, str]


@cache
def xlsform(layer: Layer) -> bytes:
    """Return a layer's XLSForm as a workbook; the same declaration always gives the same bytes."""
    survey, choices = list(_questions(layer)), list(_choices(layer))
    settings = {
        "form_title": layer.title,
        "form_id": f"gis_{layer.name}",
        # A changed form must have another version, or servers refuse it; an unchanged one keeps its own.
        "version": hashlib.sha256(orjson.dumps([layer.title, survey, choices])).hexdigest()[:12],
        "default_language": LANGUAGE,
        "instance_name": "${code}",
    }
    made = BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True, "strings_to_formulas": False}) as book:
        book.set_properties({"title": f"{layer.title}手机表单", "created": _MADE})
        for name, columns, rows in (
            ("survey", _SURVEY, survey),
            ("choices", _CHOICES, choices),
            ("settings", tuple(settings), [settings]),
        ):
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, len(columns) - 1, 20)
            for line, cells in enumerate((columns, *([row.get(column, "") for column in columns] for row in rows))):
                for at, cell in enumerate(cells):
                    if cell:
                        # Always a text: a code such as 01 keeps its zero.
                        sheet.write_string(line, at, cell)
    return made.getvalue()


def _questions(layer: Layer) -> Iterator[Row]:
    kind, label, hint = _PLACES[layer.geometry]
    first, *rest = form_fields(layer)
    yield _question(first)
    yield {"type": kind, "name": PLACE, _LABEL: label, _HINT: hint, "required": "yes"}
    for field in rest:
        yield _question(field)


def _question(field: LayerField) -> Row:
    constraint = _constraint(field)
    return {
        "type": _type(field),
        "name": field.name,
        _LABEL: field.title,
        _HINT: _hint(field),
        "required": "yes" if field.required else "",
        "constraint": constraint,
        _REFUSAL: refusal(field) if constraint else "",
        "default": _default(field),
        "appearance": _appearance(field),
    }


def _type(field: LayerField) -> str:
    if field.codes is None:
        return _TYPES[field.kind]
    return f"{'select_multiple' if field.kind is Kind.TEXTS else 'select_one'} {field.name}"


def _hint(field: LayerField) -> str:
    """Return what can't be seen from the question itself: the unit, the bounds, what an empty answer means."""
    # A list shows what may be chosen, and dates are picked.
    shown = field.codes is not None or field.kind in {Kind.BOOLEAN, Kind.DATE, Kind.TIME}
    parts = (f"单位:{field.unit}" if field.unit else "", "" if shown else to_fill("填", taken(field)))
    empty = "" if field.required else left_empty(field)
    return ";".join(part for part in (*parts, empty) if part)


def _constraint(field: LayerField) -> str:
    """Return the bounds as XPath; an empty answer is not asked for them."""
    if field.codes is not None:
        return ""
    parts = []
    if field.minimum is not None:
        parts.append(f". {'>' if field.exclusive_minimum else '>='} {plain(field.minimum)}")
    if field.maximum is not None:
        parts.append(f". <= {plain(field.maximum)}")
    if field.pattern is not None:
        parts.append(f"regex(., '{field.pattern}')")
    elif field.max_length is not None and field.kind is Kind.TEXT:
        parts.append(f"string-length(.) <= {field.max_length}")
    return " and ".join(parts)


def _default(field: LayerField) -> str:
    if field.default is None:
        return ""
    if isinstance(field.default, bool):
        return "yes" if field.default else "no"
    return " ".join(field.default) if isinstance(field.default, list | tuple) else str(field.default)


def _appearance(field: LayerField) -> str:
    if field.codes is not None:
        return "minimal" if len(field.codes) > _MANY_CHOICES else ""
    return "multiline" if (field.max_length or 0) > _LONG_TEXT else ""


def _choices(layer: Layer) -> Iterator[Row]:
    fields = form_fields(layer)
    if any(field.kind is Kind.BOOLEAN for field in fields):
        for name, label in YES_NO.items():
            yield {"list_name": "yes_no", "name": name, _LABEL: label}
    for field in fields:
        for code, label in (field.codes or {}).items():
            yield {"list_name": field.name, "name": code, _LABEL: label}
