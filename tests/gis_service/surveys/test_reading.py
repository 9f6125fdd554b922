"""Ordinary survey files of every kind: what is read, in which system, and which rows are refused for what."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
import shapely
from pyogrio import raw

from gis_service.coordinates import transform, wgs84_to_gcj02
from gis_service.surveys.files.reading import INTERACTIVE, Batch, Sheet, SurveyError, read_survey

SAMPLES = Path(__file__).parents[2] / "data" / "shanghai"
EAST, NORTH = 595_804.283, 3_398_141.123


def read(path: Path, geometry: str = "POINT", **options: Any) -> tuple[Sheet, list[Batch]]:
    with read_survey(path, geometry=geometry, **options) as (sheet, batches):
        return sheet, list(batches)


def only_point(batches: list[Batch]) -> tuple[float, float]:
    point = shapely.from_wkb(batches[0].geometries[0])
    assert shapely.get_srid(point) == 4490
    return point.x, point.y


def geojson(path: Path, *members: dict[str, Any] | None, **top: Any) -> Path:
    features = [
        {"type": "Feature", "properties": {"编号": str(at)}, "geometry": member} for at, member in enumerate(members)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", **top, "features": features}, ensure_ascii=False), "utf-8")
    return path


def table(path: Path, *rows: Sequence[object], encoding: str = "utf-8", delimiter: str = ",") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def shapefile(path: Path, *, crs: str = "EPSG:4549", encoding: str = "GB18030", without: tuple[str, ...] = ()) -> Path:
    """Make a zipped shapefile of one square with Chinese names, its members named in GBK as Windows does."""
    folder = path.with_suffix("")
    folder.mkdir()
    square = shapely.to_wkb(np.array([shapely.box(EAST, NORTH, EAST + 20, NORTH + 10)], dtype=object))
    raw.write(
        folder / "a.shp", square, [np.array(["新群路1号"], dtype=object), np.array([6], dtype=np.int32)],
        ["门牌", "层数"], geometry_type="Polygon", crs=crs, encoding=encoding, driver="ESRI Shapefile",
    )  # fmt: skip
    with zipfile.ZipFile(path, "w") as archive:
        for part in sorted(folder.iterdir()):
            if part.suffix not in without:
                name = f"楼栋{part.suffix}".encode("gbk").decode("cp437")
                archive.writestr(_unflagged(name), part.read_bytes())
    return path


class _Unflagged(zipfile.ZipInfo):
    """A member whose name is written as raw bytes, without the flag that says UTF-8."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - zipfile's own name.
        return self.filename.encode("cp437"), self.flag_bits & ~0x800


def _unflagged(name: str) -> zipfile.ZipInfo:
    return _Unflagged(name)


def geopackage(path: Path, *layers: str) -> Path:
    point = shapely.to_wkb(np.array([shapely.Point(EAST, NORTH), None], dtype=object))
    for layer in layers:
        fields = [np.array(["甲", None], dtype=object), np.array([1.0, np.nan])]
        raw.write(
            path, point, fields, ["名称", "数"], geometry_type="Point", crs="EPSG:4549", driver="GPKG", layer=layer,
            append=path.exists(),
        )  # fmt: skip
    return path


def test_geojson_keeps_types_and_orders_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    place = {"type": "Point", "coordinates": [121, 30.7]}
    features = [
        {"type": "Feature", "id": 7, "properties": {"b": 1, "a": "一", "列": [1, 2]}, "geometry": place},
        {"type": "Feature", "properties": {"a": 1.5, "c": True}, "geometry": place},
        {"type": "Feature", "properties": None, "geometry": None},
    ]  # fmt: skip
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    sheet, (batch,) = read(path)
    assert sheet.columns == ("b", "a", "列", "c", "id")
    assert (sheet.driver, sheet.row_count, sheet.crs, len(sheet.sha256)) == ("GeoJSON", 3, "EPSG:4326", 64)
    assert batch.rows == [[1, "一", "[1,2]", None, 7], [None, 1.5, None, True, None], [None] * 5]
    assert batch.reasons == [None, None, "没有几何"]
    assert (batch.first_row, list(batch.row_numbers)) == (1, [1, 2, 3])


def test_geojson_in_metres_needs_a_system(tmp_path: Path) -> None:
    path = geojson(tmp_path / "a.geojson", {"type": "Point", "coordinates": [EAST, NORTH]})
    with pytest.raises(SurveyError, match="--crs EPSG:4549"):
        read(path)
    for options in ({"crs": "EPSG:4549"}, {"metric_srid": 4549}):
        assert only_point(read(path, **options)[1]) == pytest.approx((121.0, 30.7), abs=1e-8)
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4549"}}
    sheet, batches = read(geojson(tmp_path / "b.json", {"type": "Point", "coordinates": [EAST, NORTH]}, crs=named))
    assert sheet.crs == "EPSG:4549"
    assert only_point(batches) == pytest.approx((121.0, 30.7), abs=1e-8)


def test_geojson_in_gbk(tmp_path: Path) -> None:
    path = geojson(tmp_path / "a.json", {"type": "Point", "coordinates": [121, 30.7]})
    path.write_bytes(path.read_text("utf-8").encode("gbk"))
    sheet, _ = read(path)
    assert (sheet.encoding, sheet.columns) == ("gb18030", ("编号",))


def test_every_reason_against_a_geometry(tmp_path: Path) -> None:
    bow = [[121.01, 30.70], [121.02, 30.71], [121.02, 30.70], [121.01, 30.71], [121.01, 30.70]]
    square = [[121.01, 30.70], [121.02, 30.70], [121.02, 30.71], [121.01, 30.71], [121.01, 30.70]]
    turned = [[y, x] for x, y in square]
    path = geojson(
        tmp_path / "a.geojson",
        {"type": "Polygon", "coordinates": [square]},
        {"type": "Polygon", "coordinates": [bow]},
        {"type": "Polygon", "coordinates": [turned]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[["x", "y"]]]},
        {"type": "Polygon"},
        {"type": "Point", "coordinates": [121, 30.7]},
        {"type": "GeometryCollection", "geometries": [{"type": "Polygon", "coordinates": [square]}]},
        {"type": "Circle"},
        None,
    )
    _, (batch,) = read(path, "MULTIPOLYGON")
    assert batch.reasons == [
        None,
        "自相交,位置 121.01500, 30.70500",
        "坐标超出经纬度范围(30.70000, 121.01000),经度和纬度可能写反了",
        "空几何",
        "几何写法不合 GeoJSON 标准",
        "几何写法不合 GeoJSON 标准",
        "几何类型不符:这个图层要面,这一行是点",
        "几何类型不符:这个图层要面,这一行是几何集合",
        "几何写法不合 GeoJSON 标准",
        "没有几何",
    ]
    assert [geometry is None for geometry in batch.geometries] == [False] + [True] * 9
    promoted = shapely.from_wkb(batch.geometries[0])
    assert promoted.equals(shapely.MultiPolygon([shapely.Polygon(square)]))
    assert promoted.geom_type == "MultiPolygon"


def test_promotion_and_flattening(tmp_path: Path) -> None:
    line = {"type": "LineString", "coordinates": [[121, 30.7, 4.5], [121.01, 30.7, 5]]}
    sheet, (batch,) = read(geojson(tmp_path / "l.geojson", line), "MULTILINESTRING")
    assert shapely.from_wkb(batch.geometries[0]).wkt == "MULTILINESTRING ((121 30.7, 121.01 30.7))"
    assert any("高程" in note for note in sheet.notes)
    _, (batch,) = read(tmp_path / "l.geojson", "GEOMETRY")
    assert shapely.from_wkb(batch.geometries[0]).geom_type == "LineString"
    points = [
        {"type": "MultiPoint", "coordinates": [[121, 30.7]]},
        {"type": "MultiPoint", "coordinates": [[1, 1], [2, 2]]},
    ]
    _, (batch,) = read(geojson(tmp_path / "p.geojson", *points))
    assert shapely.from_wkb(batch.geometries[0]).geom_type == "Point"
    assert batch.reasons[1] == "几何类型不符:这个图层每行一个点,这一行有 2 个点"


def test_shapefile_in_gbk(tmp_path: Path) -> None:
    sheet, (batch,) = read(shapefile(tmp_path / "z.zip", without=(".cpg",)), "MULTIPOLYGON")
    assert (sheet.columns, sheet.encoding, sheet.layer) == (("门牌", "层数"), "gb18030", "楼栋")
    assert (sheet.crs, sheet.row_count) == ("EPSG:4549", 1)
    assert ".prj" in sheet.crs_evidence
    assert batch.rows == [["新群路1号", 6]]
    stored = shapely.from_wkb(batch.geometries[0])
    points = shapely.get_coordinates(stored)
    x, y = transform(points[:, 0], points[:, 1], "EPSG:4490", "EPSG:4549")
    assert shapely.area(shapely.polygons(np.column_stack([x, y]))) == pytest.approx(200.0, abs=1e-4)


@pytest.mark.parametrize("encoding", ["UTF-8", "GB18030"])
def test_shapefile_whose_cpg_lies(tmp_path: Path, encoding: str) -> None:
    path = shapefile(tmp_path / "z.zip", encoding=encoding, without=(".cpg",))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(
            _unflagged("楼栋.cpg".encode("gbk").decode("cp437")), "UTF-8" if encoding != "UTF-8" else "GB9"
        )
    _, (batch,) = read(path, "MULTIPOLYGON")
    assert batch.rows == [["新群路1号", 6]]


@pytest.mark.parametrize("part", [".shx", ".dbf"])
def test_shapefile_with_a_part_missing(tmp_path: Path, part: str) -> None:
    with pytest.raises(SurveyError, match=f"楼栋.shp 缺少同名的 楼栋\\{part}"):
        read(shapefile(tmp_path / "z.zip", without=(part,)), "MULTIPOLYGON")


def test_shapefile_without_projection(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "z.zip", without=(".prj",))
    with pytest.raises(SurveyError, match="看不出属于哪个投影带"):
        read(path, "MULTIPOLYGON")
    assert read(path, "MULTIPOLYGON", crs="4549")[0].crs == "EPSG:4549"


def test_geopackage(tmp_path: Path) -> None:
    sheet, (batch,) = read(geopackage(tmp_path / "a.gpkg", "点位"))
    assert (sheet.driver, sheet.layer, sheet.crs, sheet.columns) == ("GPKG", "点位", "EPSG:4549", ("名称", "数"))
    assert batch.rows == [["甲", 1.0], [None, None]]
    assert batch.reasons == [None, "没有几何"]
    assert only_point([batch]) == pytest.approx((121.0, 30.7), abs=1e-8)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gpkg"]


def test_geopackage_with_several_layers(tmp_path: Path) -> None:
    path = geopackage(tmp_path / "a.gpkg", "一", "二")
    with pytest.raises(SurveyError, match="一、二"):
        read(path)
    with pytest.raises(SurveyError, match="没有图层“三”"):
        read(path, layer="三")
    assert read(path, layer="二")[0].layer == "二"


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8-sig", ","), ("gbk", ";"), ("utf-8", "\t"), ("utf-16", "\t")]
)
def test_csv_in_every_encoding(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [["名称", "经度(°)", "纬度"], ["甲", "121", "30.7"], ["乙", "", "30.7"], ["丙", "东边", "30.7"]]
    sheet, (batch,) = read(table(tmp_path / "a.csv", *rows, encoding=encoding, delimiter=delimiter))
    assert (sheet.columns, sheet.crs) == (("名称", "经度(°)", "纬度"), "EPSG:4490")
    assert [row[0] for row in batch.rows] == ["甲", "乙", "丙"]
    assert batch.reasons == [None, "没有几何:“经度(°)”是空的", "没有几何:“经度(°)”“东边”不是数字"]


@pytest.mark.parametrize(
    ("headers", "values", "options", "crs", "says"),
    [
        (("X坐标", "Y坐标"), (NORTH, EAST), {"metric_srid": 4549}, "EPSG:4549", "“X坐标”是北坐标"),
        (("x", "y"), (EAST, NORTH), {"metric_srid": 4549}, "EPSG:4549", "不带带号"),
        (("X", "Y"), (NORTH, 40_000_000 + EAST), {}, "EPSG:4528", "40 带带号"),
        (("东坐标", "北坐标"), (EAST, NORTH), {"crs": "4549"}, "EPSG:4549", "上传者"),
        (("横坐标", "纵坐标"), (EAST, NORTH), {"crs": "4549"}, "EPSG:4549", "上传者"),
        (("lng", "lat"), (121.0, 30.7), {}, "EPSG:4490", "gcj02"),
        (("经度", "纬度"), (30.7, 121.0), {}, "EPSG:4490", "“经度”是纬度"),
        (("经度", "纬度"), ("121°00′00″", "30°42′00″"), {}, "EPSG:4490", "经纬度"),
        (("经度", "纬度"), tuple(map(float, wgs84_to_gcj02(121.0, 30.7))), {"crs": "gcj02"}, "GCJ-02", "上传者"),
    ],
)
def test_coordinate_columns(
    tmp_path: Path,
    headers: tuple[str, str],
    values: tuple[object, object],
    options: dict[str, Any],
    crs: str,
    says: str,
) -> None:
    path = table(tmp_path / "a.csv", ["编号", *headers], ["1", *values])
    sheet, batches = read(path, **options)
    assert sheet.crs == crs
    assert says in sheet.crs_evidence
    assert only_point(batches) == pytest.approx((121.0, 30.7), abs=2e-8)


@pytest.mark.parametrize(
    ("values", "crs", "says"),
    [
        ((EAST, NORTH), None, "看不出属于哪个投影带"),
        ((5.0, 9e9), None, "看不出来"),
        ((121.0, 30.7), "4549", "以米为单位"),
        ((EAST, NORTH), "4490", "是经纬度,数值却不是"),
        ((EAST, NORTH), "4528", "应带带号"),
        ((40_000_000 + EAST, NORTH), "4549", "请用 --crs EPSG:4528"),
        ((EAST, NORTH), "2385", "西安 80"),
        ((EAST, NORTH), "wrong", "看不懂坐标系"),
    ],
)
def test_systems_that_values_rule_out(tmp_path: Path, values: tuple[float, float], crs: str | None, says: str) -> None:
    with pytest.raises(SurveyError, match=says):
        read(table(tmp_path / "a.csv", ["x", "y"], list(values)), crs=crs)


def test_csv_with_wkt(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["名称", "WKT"], ["甲", "POINT (121 30.7)"], ["乙", "POINT 5"], ["丙", ""])
    _, (batch,) = read(path)
    assert only_point([batch]) == (121.0, 30.7)
    assert batch.reasons == [None, "WKT 写法不对", "没有几何"]


def test_workbook_with_title_and_dates(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["新群社区垃圾投放点调查表"])
    sheet.append([])
    sheet.append(["序号", "名称", "经度", "纬度", "日期", "定时"])
    sheet.append([1, "一号点", 121.0, 30.7, datetime(2024, 5, 1), True])  # noqa: DTZ001 - cells have no zone.
    sheet.append([])
    sheet.append([2, "二号点", "121.01", "30.71", None, False])
    book.create_sheet("第二页").append(["名称"])
    path = tmp_path / "a.xlsx"
    book.save(path)
    read_sheet, (batch,) = read(path)
    assert read_sheet.columns == ("序号", "名称", "经度", "纬度", "日期", "定时")
    assert len(read_sheet.notes) >= 2
    assert batch.rows[0] == [1, "一号点", 121, 30.7, "2024-05-01", True]
    assert batch.rows[2][:2] == [2, "二号点"]
    assert [geometry is None for geometry in batch.geometries] == [False, True, False]
    with pytest.raises(SurveyError, match="名称"):
        read(path, layer="第二页")


def test_dissolving_puts_cut_features_together() -> None:
    path = SAMPLES / "roads.geojson"
    features = json.loads(path.read_text("utf-8"))["features"]
    ids = [feature["properties"]["id"] for feature in features]
    assert len(set(ids)) < len(ids)
    sheet, (batch,) = read(path, "MULTILINESTRING", dissolve="id")
    assert sheet.row_count == len(batch.rows) == len(set(ids))
    assert not any(batch.reasons)
    assert [ids[number - 1] for number in batch.row_numbers] == [row[sheet.columns.index("id")] for row in batch.rows]
    whole = shapely.union_all([shapely.from_geojson(json.dumps(feature["geometry"])) for feature in features])
    again = shapely.union_all([shapely.from_wkb(geometry) for geometry in batch.geometries])
    assert again.length == pytest.approx(whole.length, rel=1e-9)


def test_dissolving_drops_labels_and_refuses_what_does_not_fit() -> None:
    sheet, batches = read(SAMPLES / "buildings.geojson", "MULTIPOLYGON", dissolve="id")
    assert any("没有并入" in note for note in sheet.notes)
    refused = [reason for batch in batches for reason in batch.reasons if reason]
    assert refused
    assert set(refused) == {"几何类型不符:这个图层要面,这一行是点"}
    with pytest.raises(SurveyError, match="没有可供合并的列“不存在”"):
        read(SAMPLES / "buildings.geojson", "MULTIPOLYGON", dissolve="不存在")


@pytest.mark.long
def test_long_files_come_in_batches(tmp_path: Path) -> None:
    count = 12_001
    rows = ([str(at), 121 + at * 1e-6, 30.7] for at in range(count))
    _, batches = read(table(tmp_path / "a.csv", ["id", "lon", "lat"], *rows))
    assert [batch.first_row for batch in batches] == [1, 5_001, 10_001]
    assert [row[0] for batch in batches for row in batch.rows] == [str(at) for at in range(count)]
    with pytest.raises(SurveyError, match="超过 200000 行"):
        read(table(tmp_path / "b.csv", ["lon", "lat"], *([121, 30.7] for _ in range(INTERACTIVE.rows + 1))))


def test_leaving_early_ends_the_child(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["lon", "lat"], *([121, 30.7] for _ in range(100_000)))
    with read_survey(path, geometry="POINT") as (_, batches):
        assert len(next(batches).rows) == 5_000
    with pytest.raises(SurveyError):
        list(batches)


def test_one_row_written_the_wrong_way_round_is_refused_alone(tmp_path: Path) -> None:
    rows = [f"P{number},{121 + number / 1000},{30.7}" for number in range(10)]
    rows[7] = "P7,30.7,121.007"
    file = tmp_path / "点.csv"
    file.write_text("编号,经度,纬度\n" + "\n".join(rows) + "\n", encoding="utf-8")
    with read_survey(file, geometry="POINT") as (sheet, batches):
        reasons = [reason for batch in batches for reason in batch.reasons]
    assert sheet.crs == "EPSG:4490"
    assert [number for number, reason in enumerate(reasons) if reason] == [7]
    assert "写反" in str(reasons[7])
