"""Blank forms of every layer, read back with openpyxl and pyxform; and filled in, on their way into the database."""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import shapely
from pyxform.xls2xform import convert
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.database import Database
from gis_service.features.staging import Changes
from gis_service.scope import Scope
from gis_service.surveys.columns.headers import match_headers
from gis_service.surveys.columns.rows import RowReader
from gis_service.surveys.forms.table import CODE_SHEET, EXAMPLE_SHEET, GUIDE_SHEET, blank_table
from gis_service.surveys.forms.xlsform import LANGUAGE, PLACE, xlsform
from gis_service.surveys.proposal import Proposal, Reading
from gis_service.surveys.propose import propose
from layers.field import Kind
from layers.layer import Layer
from layers.registry import LAYERS

EVERY_LAYER = pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
DEGREES, WKT = ["经度(CGCS2000)", "纬度(CGCS2000)"], ["WKT(CGCS2000)"]
PLACES = {"POINT": DEGREES, "GEOMETRY": DEGREES, "MULTILINESTRING": WKT, "MULTIPOLYGON": WKT}
QUESTIONS = {
    "POINT": "geopoint", "GEOMETRY": "geopoint", "MULTILINESTRING": "geotrace", "MULTIPOLYGON": "geoshape",
}  # fmt: skip
CHINESE = re.compile("[\u4e00-\u9fff]")


@cache
def workbook(layer: Layer) -> Any:
    """Return a layer's blank table; only for reading."""
    return openpyxl.load_workbook(io.BytesIO(blank_table(layer)))


@cache
def phone_form(layer: Layer) -> dict[str, list[dict[str, str]]]:
    """Return the sheets of a layer's XLSForm, each row by its header."""
    book = openpyxl.load_workbook(io.BytesIO(xlsform(layer)), read_only=True)
    found = {}
    for sheet in book.worksheets:
        head, *rows = sheet.iter_rows(values_only=True)
        found[sheet.title] = [{str(name): cell or "" for name, cell in zip(head, row, strict=True)} for row in rows]
    return found


def headers(sheet: Any) -> list[str]:
    return [cell.value for cell in sheet[1]]


def columns(layer: Layer) -> dict[str, int]:
    """Return the column of each field, counted from 1, as an upload finds it."""
    found = match_headers(layer, tuple(headers(workbook(layer).worksheets[0])))
    return {field.name: position + 1 for position, field in found.fields.items()}


def rules(book: Any) -> dict[int, Any]:
    """Return what Excel checks, by column; every rule must hold for the whole column below the header."""
    found = {}
    for rule in book.worksheets[0].data_validations.dataValidation:
        (cells,) = rule.sqref.ranges
        assert (cells.min_row, cells.max_row, cells.min_col) == (2, 1_048_576, cells.max_col)
        found[cells.min_col] = rule
    return found


def choices(book: Any, column: int) -> list[str]:
    """Return what the drop-down list of a column offers."""
    formula = rules(book)[column].formula1
    if formula.startswith('"'):
        return list(formula.strip('"').split(","))
    named = re.fullmatch(rf"'{CODE_SHEET}'!\$([A-Z]+)\$2:\$\1\$(\d+)", formula)
    assert named, formula
    return [row[0].value for row in book[CODE_SHEET][f"{named[1]}2:{named[1]}{named[2]}"]]


@EVERY_LAYER
def test_a_table_asks_for_every_field_but_the_personal_ones(layer: Layer) -> None:
    book = workbook(layer)
    assert book.sheetnames == [layer.title, EXAMPLE_SHEET, GUIDE_SHEET, CODE_SHEET]
    sheet = book.worksheets[0]
    assert sheet.max_row == 1, "an empty table holds no row that would be uploaded"
    titles = headers(sheet)
    assert titles[: len(PLACES[layer.geometry])] == PLACES[layer.geometry]
    found = match_headers(layer, tuple(titles))
    assert {field.name for field in found.fields.values()} == {field.name for field in layer.fields}
    assert (list(found.unknown), found.personal, found.doubled) == (PLACES[layer.geometry], (), ())
    for field in layer.fields:
        title = titles[columns(layer)[field.name] - 1]
        assert title == field.title + "*" * field.required + (f"({field.unit})" if field.unit else "")
    guide = {row[0]: row for row in book[GUIDE_SHEET].iter_rows(values_only=True)}
    assert set(titles) <= set(guide)
    for field in layer.personal_fields:
        assert "填了也不导入" in guide[field.title][3]


@EVERY_LAYER
def test_the_header_is_locked_and_the_cells_below_are_not(layer: Layer) -> None:
    book = workbook(layer)
    sheet = book.worksheets[0]
    assert (sheet.protection.sheet, sheet.protection.password, sheet.freeze_panes) == (True, None, "A2")
    assert all(cell.protection.locked for cell in sheet[1])
    letters = [cell.column_letter for cell in sheet[1]]
    assert not any(sheet.column_dimensions[letter].protection.locked for letter in letters)
    assert book[CODE_SHEET].sheet_state == "hidden"
    for field in layer.fields:
        style = sheet.column_dimensions[letters[columns(layer)[field.name] - 1]].number_format
        if field.kind in {Kind.TEXT, Kind.TEXTS}:
            assert style == "@", f"{field.title} would lose the zeros of its codes"
        assert (field.kind is Kind.DATE) == (style == "yyyy-mm-dd")


@EVERY_LAYER
def test_lists_offer_the_labels_and_every_refusal_is_said_in_chinese(layer: Layer) -> None:
    book = workbook(layer)
    checked = rules(book)
    assert sorted(checked) == list(range(1, len(headers(book.worksheets[0])) + 1))
    for field in layer.fields:
        column = columns(layer)[field.name]
        if field.codes is not None:
            assert choices(book, column) == list(field.codes.values())
            assert checked[column].showErrorMessage == (field.kind is not Kind.TEXTS)
        if field.kind is Kind.BOOLEAN:
            assert choices(book, column) == ["是", "否"]
    for rule in checked.values():
        assert CHINESE.search(rule.prompt)
        assert CHINESE.search(rule.error)
        assert rule.showInputMessage


@pytest.mark.parametrize(
    ("layer", "name", "kind", "least", "most", "said"),
    [
        ("building", "floors", "whole", "0", "150", "“层数”要填 0 到 150 之间的整数(单位:层),请改正。"),
        ("waste_point", "accuracy_rate", "decimal", "0", "100", "0 到 100 之间的数字(单位:%)"),
        ("road", "width_m", "custom", "AND(ISNUMBER({0}2),{0}2>0,{0}2<=100)", None, "大于 0、不大于 100 的数字"),
        ("grid", "code", "textLength", "15", "15", "15 位数字"),
        ("enterprise", "industry_class", "textLength", "3", "5", "1 位大写字母加 2 至 4 位数字"),
        ("building", "name", "textLength", "200", None, "最多 200 个字"),
        ("building", "surveyed_on", "date", "1", None, "例如 2026-11-23"),
    ],
)  # fmt: skip
def test_bounds_are_those_of_the_declaration(
    layer: str, name: str, kind: str, least: str, most: str | None, said: str
) -> None:
    book = workbook(LAYERS[layer])
    column = columns(LAYERS[layer])[name]
    rule = rules(book)[column]
    letter = book.worksheets[0].cell(1, column).column_letter
    assert (rule.type, rule.formula1, rule.formula2) == (kind, least.format(letter), most)
    assert said in rule.error


@EVERY_LAYER
def test_the_example_would_be_accepted(layer: Layer) -> None:
    shown, row = workbook(layer)[EXAMPLE_SHEET].iter_rows(values_only=True)
    assert list(shown) == headers(workbook(layer).worksheets[0])
    found = match_headers(layer, tuple(shown))
    cells = [cell.date().isoformat() if isinstance(cell, datetime) else cell for cell in row]
    row_read = RowReader(layer, found.fields).read(1, cells, b"")
    assert row_read.values is not None, row_read.reason
    assert None not in row_read.values
    if layer.geometry in {"MULTILINESTRING", "MULTIPOLYGON"}:
        assert shapely.from_wkt(str(row[0])).geom_type.upper() == layer.geometry.removeprefix("MULTI")


def test_one_declaration_always_gives_the_same_bytes() -> None:
    layer = LAYERS["rental_unit"]
    assert blank_table.__wrapped__(layer) == blank_table(layer)
    assert xlsform.__wrapped__(layer) == xlsform(layer)
    # The moment of the making would differ a second later.
    for content in (blank_table(layer), xlsform(layer)):
        assert openpyxl.load_workbook(io.BytesIO(content)).properties.created == datetime.fromisoformat("2026-01-01")


@EVERY_LAYER
def test_columns_that_servers_add_take_no_place_of_a_field(layer: Layer) -> None:
    """ODK Central and Kobo add columns of their own, and some are called like a field but for the underscore."""
    asked = [row["name"] for row in phone_form(layer)["survey"]]
    added = ["_id", "_uuid", "_submission_time", "_validation_status", "_notes", "_status", "_submitted_by",
             "__version__", "_tags", "_index", "KEY", "SubmitterID", "DeviceID", "Status", "FormVersion"]  # fmt: skip
    found = match_headers(layer, ("SubmissionDate", *asked, *added)).fields
    assert {position: field.name for position, field in found.items()} == {
        position: name for position, name in enumerate(asked, start=1) if name != PLACE
    }


@pytest.fixture
def conn(database: Database, staff: Scope, area: str) -> Iterator[Connection]:
    """A transaction with the community registered, taken back at the end."""
    assert area
    with database.write(staff, str(uuid.UUID(int=1))) as found:
        yield found
        found.rollback()


def filled(layer: Layer, path: Path, rows: list[dict[str, Any]]) -> Path:
    """Fill a blank table in as a clerk would: values by field, the geometry's as WKT or as two numbers."""
    book = openpyxl.load_workbook(io.BytesIO(blank_table(layer)))
    sheet = book.worksheets[0]
    at = columns(layer)
    for line, row in enumerate(rows, start=2):
        for place, cell in enumerate(row.pop("place"), start=1):
            sheet.cell(line, place, cell)
        for name, cell in row.items():
            sheet.cell(line, at[name], cell)
    book.save(path)
    return path


def chosen(layer: Layer, name: str, code: str) -> str:
    """Choose a code's label from the drop-down list of its column."""
    labels = choices(workbook(layer), columns(layer)[name])
    return labels[list(layer.field(name).codes or {}).index(code)]


def taken_whole(conn: Connection, made: Proposal) -> list[dict[str, Any]]:
    """Commit a proposal in which nothing is amiss; return its rows as they are stored."""
    assert made.refusals == []
    assert set(made.matching.unknown) <= set(made.sheet.coordinates)
    assert (made.changes, made.matching.doubled, made.codes_made) == (Changes(2, 0, 0, 0), (), False)
    made.staging.merge(conn)
    query = f"select *, st_x(st_centroid(geom)) lon from gis.{made.layer.name} order by code"
    return [dict(row) for row in conn.execute(text(query)).mappings()]


def test_a_filled_table_of_points_uploads_as_it_is(conn: Connection, area: str, tmp_path: Path) -> None:
    layer = LAYERS["waste_point"]
    kind = chosen(layer, "kind", "timed")
    classes = "、".join(chosen(layer, "waste_classes", code) for code in ("recyclable", "perishable"))
    path = filled(layer, tmp_path / "投放点.xlsx", [
        {"place": (120.995, 30.7), "code": "0012", "kind": kind, "bins": 6, "waste_classes": classes},
        {"place": (120.996, 30.7), "code": "0013", "kind": kind, "surveyed_on": date(2026, 5, 3),
         "accuracy_rate": 97.5},
    ])  # fmt: skip
    first, second = taken_whole(conn, propose(conn, layer, area, path, Reading(crs="EPSG:4490")))
    assert (first["code"], first["bins"], first["waste_classes"]) == ("0012", 6, ["recyclable", "perishable"])
    assert (second["kind"], second["surveyed_on"], second["accuracy_rate"]) == ("timed", date(2026, 5, 3), 97.5)
    assert second["lon"] == pytest.approx(120.996)


def test_a_filled_table_of_areas_uploads_as_it_is(conn: Connection, area: str, tmp_path: Path) -> None:
    layer = LAYERS["building"]
    use = chosen(layer, "use", "11")
    path = filled(layer, tmp_path / "楼栋.xlsx", [
        {"place": [shapely.box(120.995 + x, 30.7, 120.9955 + x, 30.7005).wkt], "code": code, "use": use,
         "floors": 6, "self_built": "是", "accuracy": chosen(layer, "accuracy", "B"), "house_number": "007"}
        for code, x in (("B1", 0), ("B2", 0.001))
    ])  # fmt: skip
    first, _ = taken_whole(conn, propose(conn, layer, area, path, Reading(crs="EPSG:4490")))
    assert (first["use"], first["floors"], first["self_built"], first["accuracy"]) == ("11", 6, True, "B")
    assert first["house_number"] == "007"


def test_a_filled_table_with_a_long_list_uploads_as_it_is(conn: Connection, area: str, tmp_path: Path) -> None:
    layer = LAYERS["hazard"]
    last = list(layer.field("event_code").codes or {})[-1]
    path = filled(layer, tmp_path / "隐患.xlsx", [
        {"place": (120.995, 30.7), "code": code, "event_code": chosen(layer, "event_code", last),
         "level": chosen(layer, "level", "02"), "found_on": date(2026, 5, 3)}
        for code in ("H1", "H2")
    ])  # fmt: skip
    first, _ = taken_whole(conn, propose(conn, layer, area, path, Reading(crs="EPSG:4490")))
    assert (first["event_code"], first["level"], first["found_on"]) == (last, "02", date(2026, 5, 3))


def test_what_comes_back_from_phones_uploads_as_it_is(conn: Connection, area: str, tmp_path: Path) -> None:
    """An export has the questions' names as headers, codes as values, and spaces between several of them."""
    layer = LAYERS["rental_unit"]
    asked = [row["name"] for row in phone_form(layer)["survey"] if row["name"] != PLACE]
    answers = {
        "code": "CZ01", "letting_use": "dormitory", "kin_household": "yes", "partitioned": "no", "tenant_count": "12",
        "usable_area_m2": "80.5", "grade": "red", "grade_reasons": "G1 F2", "last_visit_on": "2026-05-03",
    }  # fmt: skip
    path = tmp_path / "gis_rental_unit.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        sheet = csv.DictWriter(file, [*asked, "lon", "lat"])
        sheet.writeheader()
        sheet.writerow({**answers, "lon": "120.995", "lat": "30.7"})
        sheet.writerow({"code": "CZ02", "grade_reasons": "S1", "lon": "120.996", "lat": "30.7"})
    first, second = taken_whole(conn, propose(conn, layer, area, path, Reading(crs="EPSG:4490")))
    assert (first["letting_use"], first["kin_household"], first["partitioned"]) == ("dormitory", True, False)
    assert (first["grade_reasons"], second["grade_reasons"]) == (["G1", "F2"], ["S1"])
    assert (first["tenant_count"], first["usable_area_m2"], first["last_visit_on"]) == (12, 80.5, date(2026, 5, 3))
    assert second["letting_use"] == "dwelling", "an empty answer is the declared default"


@EVERY_LAYER
def test_a_phone_form_is_valid_and_asks_for_the_fields(layer: Layer) -> None:
    made = convert(io.BytesIO(xlsform(layer)), validate=False, file_type=".xlsx")
    assert made.warnings == []
    assert f'<data id="gis_{layer.name}" version="' in made.xform
    assert f'<bind nodeset="/data/{PLACE}" type="{QUESTIONS[layer.geometry]}" required="true()"/>' in made.xform
    form = phone_form(layer)
    asked = {row["name"]: row for row in form["survey"]}
    assert set(asked) == {PLACE, *(field.name for field in layer.fields)}
    assert match_headers(layer, (PLACE,)).unknown == (PLACE,), "the place's own columns aren't taken for a field"
    listed: dict[str, dict[str, str]] = {}
    for row in form["choices"]:
        listed.setdefault(row["list_name"], {})[row["name"]] = row[f"label::{LANGUAGE}"]
    for field in layer.fields:
        row = asked[field.name]
        kinds = {
            Kind.TEXT: "text", Kind.TEXTS: "text", Kind.INTEGER: "integer", Kind.NUMBER: "decimal",
            Kind.BOOLEAN: "select_one yes_no", Kind.DATE: "date", Kind.TIME: "dateTime",
        }  # fmt: skip
        if field.codes is not None:
            assert row["type"] == f"select_{'multiple' if field.kind is Kind.TEXTS else 'one'} {field.name}"
            assert listed[field.name] == field.codes
        else:
            assert row["type"] == kinds[field.kind]
        assert row[f"label::{LANGUAGE}"] == field.title
        assert (row["required"] == "yes") == field.required
        assert bool(row["constraint"]) == bool(row[f"constraint_message::{LANGUAGE}"])
        if field.codes and field.kind is Kind.TEXT:
            assert row["default"] == (field.default or "")
    assert form["settings"][0]["form_title"] == layer.title


@pytest.mark.parametrize(
    ("layer", "name", "constraint"),
    [
        ("building", "floors", ". >= 0 and . <= 150"), ("road", "width_m", ". > 0 and . <= 100"),
        ("grid", "code", "regex(., '^[0-9]{15}$')"), ("building", "name", "string-length(.) <= 200"),
        ("building", "use", ""), ("building", "self_built", ""), ("building", "surveyed_on", ""),
    ],
)  # fmt: skip
def test_a_phone_form_keeps_the_bounds(layer: str, name: str, constraint: str) -> None:
    row = next(row for row in phone_form(LAYERS[layer])["survey"] if row["name"] == name)
    assert row["constraint"] == constraint
    assert bool(CHINESE.search(row[f"constraint_message::{LANGUAGE}"])) == bool(constraint)


@pytest.mark.parametrize(
    ("cell", "codes"),
    [("G1 F2", ["G1", "F2"]), ("G1", ["G1"]), ("人均面积不足、G2", ["G1", "G2"]), (" G1  S1 ", ["G1", "S1"]),
     ("G1 F9", None)],
)  # fmt: skip
def test_spaces_stand_between_codes_and_nothing_else(cell: str, codes: list[str] | None) -> None:
    reader = RowReader(LAYERS["rental_unit"], match_headers(LAYERS["rental_unit"], ("编码", "定级原因")).fields)
    found = reader.read(1, ["CZ01", cell], b"")
    assert (found.values is None) == (codes is None), found.reason
    if found.values is not None:
        assert codes in found.values
