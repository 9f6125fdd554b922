"""Exported files, each opened by another reader, against what was written to the database."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas
import openpyxl
import psycopg
import pyogrio
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from gis_service.coordinates import transform_geometries
from gis_service.database import Database
from gis_service.errors import InputError, UnavailableError
from gis_service.exports import selection as selection_module
from gis_service.exports.columns import columns_of
from gis_service.exports.formats import FLATGEOBUF, GEOPACKAGE, SHAPEFILE, XLSX, FileFormat
from gis_service.exports.making import MadeFile, export_folder, make_file
from gis_service.exports.selection import Selection
from gis_service.exports.shapefile import short_names
from gis_service.exports.texts import stream_csv, stream_kml
from gis_service.features.question import Question
from gis_service.features.write import put_features
from gis_service.local_cluster import LocalCluster
from gis_service.reference_systems import reference_system
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.gis_service.example_rows import driver_of, example_record

pytestmark = pytest.mark.alone

VECTORS = [GEOPACKAGE, FLATGEOBUF, SHAPEFILE]
FORMULAS = ["=1+1", "+86", "-5", "@SUM(A1)", "\t=1", "\r=1", "＝1+1"]
HOSTILE = 'a"b,c\n<b>&amp;</b>“楼” 𠮷'
Shapes = dict[str, BaseGeometry]


@pytest.fixture(scope="module")
def stored(database: Database, staff: Scope, area: str) -> dict[str, Shapes]:
    """Rows of three kinds of geometry: code to geometry in degrees."""
    hole = shapely.box(121.0002, 30.7002, 121.0004, 30.7004)
    areas = {f"B{n}": shapely.box(121, 30.7, 121.001, 30.701).difference(hole) for n in range(len(FORMULAS))}
    written: dict[str, Shapes] = {
        "building": {**areas, "B9": shapely.MultiPolygon([shapely.box(120.995, 30.695, 120.996, 30.696), hole])},
        "enterprise": {f"Q{n}": shapely.Point(120.99123456 + n / 1e4, 30.69876543) for n in range(5)},
        "hazard": {
            "H1": shapely.Point(121.001, 30.702),
            "H2": shapely.LineString([(121, 30.7), (121.002, 30.703)]),
            "H3": shapely.box(121.003, 30.703, 121.004, 30.704),
        },
    }
    given: dict[str, dict[str, Any]] = {
        "B9": {"name": HOSTILE, "remark": "长" * 300, "floors": 18, "self_built": True, "use": "10",
               "appraised_on": "2024-02-29", "floor_area_m2": 1234.5},
        "Q0": {"name": "阿福五金店"},
    }  # fmt: skip
    given |= {f"B{n}": {"name": formula} for n, formula in enumerate(FORMULAS)}
    with database.write(staff) as conn:
        for name, shapes in written.items():
            layer = LAYERS[name]
            rows = [
                (example_record(layer, **{"code": code, **_fitting(name, given.get(code, {}))}), shape)
                for code, shape in shapes.items()
            ]
            put_features(conn, layer, area, rows)
        # A record strips spaces; a row that came by another door may begin with them.
        for number, formula in enumerate(FORMULAS):
            driver_of(conn).execute("update gis.building set name = %s where code = %s", [formula, f"B{number}"])
    return written


def _fitting(layer: str, values: dict[str, Any]) -> dict[str, Any]:
    if "use" in values:
        codes = LAYERS[layer].field("use").codes
        assert codes is not None
        values = {**values, "use": next(iter(codes))}
    return values


@pytest.fixture
def folder() -> Iterator[Path]:
    """An export's folder."""
    with export_folder() as found:
        yield found


def _selection(staff: Scope, name: str, crs: str | None = None, **question: Any) -> Selection:
    return Selection(LAYERS[name], staff, Question(**question), reference_system(crs))


def _make(database: Database, selection: Selection, form: FileFormat, folder: Path) -> MadeFile:
    with database.read(selection.scope) as conn:
        return make_file(conn, selection, form, folder)


def _csv(database: Database, selection: Selection) -> list[dict[str, str]]:
    with database.read(selection.scope) as conn:
        whole = b"".join(stream_csv(conn, selection))
    assert whole.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(whole.decode("utf-8-sig"), newline="")))


def _frame(made: MadeFile) -> geopandas.GeoDataFrame:
    path = str(made.path)
    return pyogrio.read_dataframe(f"/vsizip/{path}" if path.endswith("zip") else path)


def _same_place(found: BaseGeometry, wanted: BaseGeometry, crs: str, millimetres: float = 1.0) -> bool:
    """Whether two shapes are equal vertex by vertex, the wanted one given in degrees."""
    metric = "EPSG:4549"
    ours = transform_geometries([wanted], "EPSG:4490", metric)[0]
    theirs = found if crs == metric else transform_geometries([found], crs, metric)[0]
    return bool(shapely.hausdorff_distance(shapely.normalize(ours), shapely.normalize(theirs)) < millimetres / 1000)


@pytest.mark.parametrize("form", VECTORS, ids=lambda form: form.name)
@pytest.mark.parametrize("crs", [None, "EPSG:4490", "EPSG:4549", "EPSG:4528", "EPSG:3857"])
def test_vector_files_hold_every_row_to_the_millimetre(
    database: Database, staff: Scope, stored: dict[str, Shapes], folder: Path, form: FileFormat, crs: str | None
) -> None:
    frame = _frame(_make(database, _selection(staff, "building", crs), form, folder))
    shapes = stored["building"]
    assert len(frame) == len(shapes)
    epsg = crs or "EPSG:4326"
    assert frame.crs.to_epsg() == int(epsg.removeprefix("EPSG:"))
    for code, found in zip(frame["code"], frame.geometry, strict=True):
        # CGCS2000 and WGS 84 are one here, as everywhere in the service.
        assert _same_place(found, shapes[code], "EPSG:4490" if epsg == "EPSG:4326" else epsg), code
    row = frame[frame["code"] == "B9"].iloc[0]
    assert row["name"] == HOSTILE
    assert row["floors"] == 18
    assert bool(row["self_built"])
    appraised = next(name for name in frame.columns if name.startswith("appraised"))
    assert str(row[appraised]).startswith("2024-02-29")
    assert set(frame["name"]) == {HOSTILE, *FORMULAS}


@pytest.mark.parametrize("form", VECTORS, ids=lambda form: form.name)
@pytest.mark.parametrize("name", ["building", "enterprise", "hazard", "road"])
def test_an_empty_answer_is_a_valid_file(
    database: Database, staff: Scope, stored: dict[str, Shapes], folder: Path, form: FileFormat, name: str
) -> None:
    assert stored
    made = _make(database, _selection(staff, name, equals={"code": "none"}), form, folder)
    frame = _frame(made)
    assert len(frame) == 0
    assert "code" in frame.columns


def test_a_geopackage_tells_titles_and_labels_to_qgis(
    database: Database, staff: Scope, stored: dict[str, Shapes], folder: Path
) -> None:
    made = _make(database, _selection(staff, "building", "EPSG:4549"), GEOPACKAGE, folder)
    with closing(sqlite3.connect(made.path)) as conn:
        titles = dict(conn.execute("select column_name, title from gpkg_data_columns"))
        listed = conn.execute("select value, description from gpkg_data_column_constraints where constraint_name = ?",
                              ("building_use",)).fetchall()  # fmt: skip
        assert conn.execute("select count(*) from rtree_building_geom").fetchone() == (len(stored["building"]),)
        assert conn.execute("pragma integrity_check").fetchone() == ("ok",)
        named = conn.execute("select constraint_name from gpkg_data_columns where column_name = 'use'").fetchone()
    assert titles == {column.name: column.title for column in columns_of(LAYERS["building"])}
    assert dict(listed) == LAYERS["building"].field("use").codes
    assert named == ("building_use",)
    if shutil.which("ogrinfo") is not None:
        told = subprocess.run(["ogrinfo", "-so", made.path, "building"], capture_output=True, text=True, check=True)
        assert "domain name=building_use" in told.stdout


def test_a_shapefile_reports_what_it_shortened(
    database: Database, staff: Scope, stored: dict[str, Shapes], folder: Path
) -> None:
    made = _make(database, _selection(staff, "building"), SHAPEFILE, folder)
    names = {column.name for column in columns_of(LAYERS["building"])}
    said = dict(pair.split("=") for pair in made.shortened.split("; "))
    assert set(said) == {name for name in names if len(name) > 10}
    assert all(len(short) <= 10 for short in said.values())
    frame = _frame(made)
    assert set(frame.columns) - {"geometry"} == {said.get(name, name) for name in names}
    with zipfile.ZipFile(made.path) as packed:
        assert packed.testzip() is None
        assert packed.read("building.cpg").strip() == b"UTF-8"
        report = packed.read("字段说明.txt").decode("utf-8-sig")
    assert all(f"{short} = {name}" in report for name, short in said.items())
    # 300 signs of three bytes don't fit in 254: cut at a whole sign, and told.
    assert frame.loc[frame["code"] == "B9", "remark"].iloc[0] == "长" * 84
    assert "备注:1 处" in report
    assert len(stored["building"]) == len(frame)


def test_a_shapefile_of_mixed_geometries_is_one_for_each_type(
    database: Database, staff: Scope, stored: dict[str, Shapes], folder: Path
) -> None:
    made = _make(database, _selection(staff, "hazard", "EPSG:4549"), SHAPEFILE, folder)
    found: Shapes = {}
    for kind in ("point", "linestring", "polygon"):
        frame = pyogrio.read_dataframe(f"/vsizip/{made.path}/hazard_{kind}.shp")
        found |= dict(zip(frame["code"], frame.geometry, strict=True))
    assert set(found) == set(stored["hazard"])
    assert all(_same_place(shape, stored["hazard"][code], "EPSG:4549") for code, shape in found.items())


def test_short_names_stay_different() -> None:
    names = ["tenant_count", "tenant_count_prev", "tenant_count_as_of", "tenant_cou", "code"]
    found = short_names(names)
    assert list(found) == names
    assert found["tenant_cou"] == "tenant_cou"
    assert found["code"] == "code"
    assert len(set(found.values())) == len(names)
    assert max(map(len, found.values())) == 10
    assert len(set(short_names([f"abcdefghij{n}" for n in range(120)]).values())) == 120


def test_kml_is_read_with_its_data(database: Database, staff: Scope, stored: dict[str, Shapes], folder: Path) -> None:
    for name, shapes in stored.items():
        path = folder / f"{name}.kml"
        with database.read(staff) as conn:
            path.write_bytes(b"".join(stream_kml(conn, _selection(staff, name))))
        frame = pyogrio.read_dataframe(path)
        assert len(frame) == len(shapes)
        for code, found in zip(frame["code"], frame.geometry, strict=True):
            assert _same_place(shapely.force_2d(found), shapes[code], "EPSG:4490"), code
    buildings = pyogrio.read_dataframe(folder / "building.kml")
    row = buildings[buildings["code"] == "B9"].iloc[0]
    assert row["Name"] == HOSTILE
    assert row["floors"] == 18
    codes = LAYERS["building"].field("use").codes
    assert codes is not None
    assert row["use"] == next(iter(codes.values()))
    with database.read(staff) as conn, pytest.raises(InputError, match="KML"):
        next(stream_kml(conn, _selection(staff, "building", "EPSG:4549")))
    with database.read(staff) as conn:
        (folder / "none.kml").write_bytes(b"".join(stream_kml(conn, _selection(staff, "road"))))
    assert len(pyogrio.read_dataframe(folder / "none.kml")) == 0


@pytest.mark.parametrize("crs", [None, "EPSG:4549"])
def test_csv_is_for_people_and_runs_nothing(
    database: Database, staff: Scope, stored: dict[str, Shapes], crs: str | None
) -> None:
    rows = _csv(database, _selection(staff, "building", crs))
    assert [row["编码"] for row in rows] == sorted(stored["building"])
    by_code = {row["编码"]: row for row in rows}
    for number, formula in enumerate(FORMULAS):
        assert by_code[f"B{number}"]["名称"] == "'" + formula
    last = by_code["B9"]
    codes = LAYERS["building"].field("use").codes
    assert codes is not None
    assert (last["名称"], last["自建房"], last["安全鉴定日期"]) == (HOSTILE, "是", "2024-02-29")
    assert (last["层数(层)"], last["建筑面积(m²)"]) == ("18", "1234.5")
    assert last["房屋用途"] == next(iter(codes.values()))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", last["记录时间"])
    wkt = next(name for name in last if name.startswith("几何WKT"))
    assert f"EPSG:{4549 if crs else 4326}" in wkt
    for code, row in by_code.items():
        assert _same_place(shapely.from_wkt(row[wkt]), stored["building"][code], crs or "EPSG:4490"), code


def test_csv_of_points_has_their_coordinates(database: Database, staff: Scope, stored: dict[str, Shapes]) -> None:
    for crs, axes in ((None, ("经度", "纬度")), ("EPSG:4549", ("东坐标", "北坐标"))):
        for row in _csv(database, _selection(staff, "enterprise", crs)):
            at = shapely.Point(float(row[axes[0]]), float(row[axes[1]]))
            assert _same_place(at, stored["enterprise"][row["编码"]], crs or "EPSG:4490", 2)
    empty = _csv(database, _selection(staff, "enterprise", equals={"code": "none"}))
    assert empty == []


def test_a_spreadsheet_is_for_people_and_runs_nothing(
    database: Database, staff: Scope, stored: dict[str, Shapes], folder: Path
) -> None:
    made = _make(database, _selection(staff, "building"), XLSX, folder)
    book = openpyxl.load_workbook(made.path)
    sheet = book["楼栋"]
    assert sheet.freeze_panes == "A2"
    assert sheet.max_row == 1 + len(stored["building"])
    titles = [cell.value for cell in sheet[1]]
    assert titles[:3] == ["标识", "编码", "名称"]
    assert titles[-2:] == ["代表点经度", "代表点纬度"]
    rows = {row[1].value: dict(zip(titles, row, strict=True)) for row in sheet.iter_rows(min_row=2)}
    for number, formula in enumerate(FORMULAS):
        cell = rows[f"B{number}"]["名称"]
        # Excel writes what XML can't hold as _x000D_; openpyxl doesn't read that back.
        assert (cell.value.replace("_x000D_", "\r"), cell.data_type) == (formula, "s")
    last = rows["B9"]
    assert last["名称"].value == HOSTILE
    assert last["安全鉴定日期"].value == datetime(2024, 2, 29)  # noqa: DTZ001 - sheets know no zones
    assert last["安全鉴定日期"].number_format == "yyyy-mm-dd"
    assert (last["层数(层)"].value, last["建筑面积(m²)"].value) == (18, 1234.5)
    assert last["社区代码"].value == "330482002099"
    assert last["自建房"].value == "是"
    at = shapely.Point(last["代表点经度"].value, last["代表点纬度"].value)
    assert stored["building"]["B9"].contains(at)
    assert all(8 <= sheet.column_dimensions[letter].width <= 42 for letter in ("A", "B", "C"))
    about = {row[0].value: row[1].value for row in book["说明"].iter_rows()}
    assert about["行数"] == str(len(stored["building"]))
    assert "EPSG:4326" in about["坐标系"]


def test_an_empty_spreadsheet_has_its_header(database: Database, staff: Scope, area: str, folder: Path) -> None:
    assert area
    made = _make(database, _selection(staff, "road"), XLSX, folder)
    assert openpyxl.load_workbook(made.path)["道路"].max_row == 1


def test_more_rows_than_a_sheet_holds_are_refused(
    database: Database, staff: Scope, stored: dict[str, Shapes], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stored
    monkeypatch.setattr(selection_module, "XLSX_ROWS", 3)
    with pytest.raises(InputError, match="Excel 表格最多 3 行"):
        _make(database, _selection(staff, "enterprise"), XLSX, folder)
    limited = replace(_selection(staff, "enterprise"), limit=3)
    made = _make(database, limited, XLSX, folder)
    assert openpyxl.load_workbook(made.path)["企业"].max_row == 4


def test_properties_limit_and_scope_hold_in_every_format(
    database: Database, staff: Scope, stored: dict[str, Shapes], folder: Path
) -> None:
    assert stored
    chosen = replace(_selection(staff, "enterprise", order=("-code",)), names=("code", "name"), limit=2)
    assert [list(row)[:3] for row in _csv(database, chosen)] == [["标识", "编码", "名称"]] * 2
    assert [row["编码"] for row in _csv(database, chosen)] == ["Q4", "Q3"]
    frame = _frame(_make(database, chosen, GEOPACKAGE, folder))
    assert list(frame.columns) == ["id", "code", "name", "geometry"]
    assert list(frame["code"]) == ["Q4", "Q3"]
    nobody = Scope("test", "staff", ("110101001001",))
    elsewhere = replace(chosen, scope=nobody)
    assert _csv(database, elsewhere) == []
    with export_folder() as other:
        assert len(_frame(_make(database, elsewhere, FLATGEOBUF, other))) == 0


def test_personal_fields_are_columns_of_no_file() -> None:
    for layer in LAYERS.values():
        personal = {field.name for field in layer.personal_fields}
        assert not personal & {column.name for column in columns_of(layer)}


def test_an_export_ends_when_nobody_wants_it(
    database: Database, staff: Scope, stored: dict[str, Shapes], folder: Path
) -> None:
    assert stored
    with database.read(staff) as conn, pytest.raises(UnavailableError, match="已停止"):
        make_file(conn, _selection(staff, "building"), GEOPACKAGE, folder, lambda: False)
    assert not (folder / "building.gpkg").exists()


def test_a_file_that_cannot_be_written_is_told(
    database: Database, staff: Scope, stored: dict[str, Shapes], folder: Path
) -> None:
    assert stored
    (folder / "building.gpkg").mkdir()
    with pytest.raises(UnavailableError, match="没有写成"):
        _make(database, _selection(staff, "building"), GEOPACKAGE, folder)


_MEASURED = """
import json, resource, sys
from gis_service.database import connect
from gis_service.exports.making import export_folder, make_file
from gis_service.exports.formats import FILE_FORMATS
from gis_service.exports.selection import Selection
from gis_service.exports.texts import stream_csv, stream_kml
from gis_service.features.question import Question
from gis_service.features.read import stream_features
from gis_service.scope import Scope
from layers.registry import LAYERS
url, community = sys.argv[1:]
database, scope, layer = connect(url), Scope("test", "staff", (community,)), LAYERS["building"]
selection = Selection(layer, scope, Question())
forms = {form.name: form for form in FILE_FORMATS}
peak = lambda who: resource.getrusage(who).ru_maxrss // 1024
found = {}
with database.read(scope) as conn:
    next(stream_features(conn, layer, scope, Question()))
before = peak(resource.RUSAGE_SELF)
for name in ("geojson", "csv", "kml", "xlsx", "fgb", "gpkg", "shp"):
    with database.read(scope) as conn, export_folder() as folder:
        if name == "geojson":
            size = sum(map(len, stream_features(conn, layer, scope, Question())))
        elif name in ("csv", "kml"):
            size = sum(map(len, (stream_csv if name == "csv" else stream_kml)(conn, selection)))
        else:
            size = make_file(conn, selection, forms[name], folder).path.stat().st_size
    found[name] = (size, peak(resource.RUSAGE_SELF) - before, peak(resource.RUSAGE_CHILDREN))
print(json.dumps(found))
"""


@pytest.mark.long
def test_memory_does_not_grow_with_the_layer(cluster: LocalCluster, make_database: Any, area: str) -> None:
    """200,000 buildings: the service's process grows by less than 50 MB, the child stays under 300 MB."""
    name = make_database()
    owner = cluster.url("postgres", name)
    rows = (
        "insert into gis.building (community, code, name, geom) select %s, 'C' || n, '楼' || n,"
        " ST_Multi(ST_Buffer(ST_SetSRID(ST_Point(120.99 + (n %% 400) * 5e-5, 30.69 + (n / 400) * 4e-5), 4490), 1e-5))"
        " from generate_series(1, 200000) n"
    )
    with psycopg.connect(owner.replace("+psycopg", "")) as conn:
        conn.execute("insert into gis.area (code, name, metric_srid) values (%s, '测试社区', 4549)", [area])
        conn.execute("select set_config('gis.scope', %s, true)", [area])
        conn.execute(rows, [area])
    said = subprocess.run(
        [sys.executable, "-c", _MEASURED, cluster.url("gis_app", name), area],
        capture_output=True, text=True, check=True, env={**os.environ},
    ).stdout  # fmt: skip
    for form, (size, grown, child) in json.loads(said).items():
        assert size > 1_000_000, form
        assert grown < 50, (form, grown)
        assert child < 300, (form, child)
