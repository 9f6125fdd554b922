"""Files of phones, receivers, drawings and instruments: KML, KMZ, GPX, DXF, CASS, and packed or loose shapefiles."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import shapely
from pyogrio import raw

from gis_service.surveys.files.cass import open_cass
from gis_service.surveys.files.dxf import open_dxf
from gis_service.surveys.files.errors import SeveralLayersError, SurveyError
from gis_service.surveys.files.geojson import open_geojson
from gis_service.surveys.files.gpx import open_gpx
from gis_service.surveys.files.kind import ACCEPTED, kind_of
from gis_service.surveys.files.kml import open_kml
from gis_service.surveys.files.limits import INTERACTIVE
from gis_service.surveys.files.reading import Batch, Sheet, read_survey
from gis_service.surveys.files.shapefile_parts import pack_parts
from gis_service.surveys.files.source import Source, Wish
from gis_service.surveys.files.workbooks import open_workbook

EAST, NORTH = 595_804.283, 3_398_141.123
Opener = Callable[[Path, Wish], Source]


def wish(geometry: str, layer: str | None = None, crs: str | None = None) -> Wish:
    return Wish(geometry, crs, layer, None, 4549)


def kml(path: Path, body: str, encoding: str = "utf-8") -> Path:
    text = f'<?xml version="1.0" encoding="{encoding}"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>{body}'
    path.write_bytes(f"{text}</Document></kml>".encode(encoding))
    return path


def rows_of(source: Source) -> list[dict[str, object]]:
    """Return a source's rows by column, with the geometry's WKT or the reason under "?"."""
    found = []
    for chunk in source.chunks:
        for at, (row, geometry) in enumerate(zip(chunk.rows, chunk.geometries, strict=True)):
            found.append(dict(zip(source.columns, row, strict=True)))
            found[-1]["?"] = chunk.reasons.get(at) or shapely.to_wkt(geometry)
    return found


def read(path: Path, geometry: str, layer: str | None = None) -> tuple[Sheet, list[Batch]]:
    with read_survey(path, geometry=geometry, layer=layer, metric_srid=4549) as (sheet, batches):
        return sheet, list(batches)


HOLED = (
    "<Polygon><outerBoundaryIs><LinearRing><coordinates>121,30.7,0 121.01,30.7,0 121.01,30.71,0 121,30.7,0"
    "</coordinates></LinearRing></outerBoundaryIs><innerBoundaryIs><LinearRing><coordinates>"
    "121.008,30.702 121.009,30.702 121.009,30.703 121.008,30.702</coordinates></LinearRing></innerBoundaryIs></Polygon>"
)


def test_kml(tmp_path: Path) -> None:
    body = f"""<name>文件</name><Folder><name>东区</name><Folder><name>一组</name>
      <Placemark><name>一号楼</name><description><![CDATA[<b>砖混</b>]]></description>
        <ExtendedData><Data name="层数"><displayName>x</displayName><value>6</value></Data>
        <SchemaData schemaUrl="#a"><SimpleData name="用途">住宅</SimpleData></SchemaData></ExtendedData>
        <MultiGeometry><Point><coordinates>121,30.7</coordinates></Point>{HOLED}</MultiGeometry></Placemark></Folder>
      <Placemark><name>坏的</name><Polygon><outerBoundaryIs><LinearRing><coordinates>121;30</coordinates></LinearRing>
        </outerBoundaryIs></Polygon></Placemark></Folder>
      <Placemark><name>点</name><Point><coordinates> 121 , 30.7 </coordinates></Point></Placemark>
      <Placemark/><NetworkLink><Link><href>http://127.0.0.1:1/</href></Link></NetworkLink>"""
    source = open_kml(kml(tmp_path / "a.kml", body), None, wish("MULTIPOLYGON"), INTERACTIVE)
    assert source.columns == ("name", "description", "文件夹", "层数", "用途")
    assert (source.crs, source.claim, source.driver) == ("EPSG:4326", "format", "KML")
    first, broken, point, empty = rows_of(source)
    assert first["?"] == shapely.to_wkt(shapely.from_wkt(
        "POLYGON ((121 30.7,121.01 30.7,121.01 30.71,121 30.7),"
        "(121.008 30.702,121.009 30.702,121.009 30.703,121.008 30.702))"
    ))  # fmt: skip
    assert [first[name] for name in source.columns] == ["一号楼", "<b>砖混</b>", "东区/一组", "6", "住宅"]
    assert (broken["?"], broken["文件夹"]) == ("几何写法不合 KML 标准", "东区")
    assert point["?"] == "POINT (121 30.7)"
    assert empty["?"] == "没有几何"
    assert any("1 个指向别处" in note for note in source.notes)
    assert any("1 个几何部分" in note for note in source.notes)


def test_kml_with_latitude_first_and_in_gbk(tmp_path: Path) -> None:
    marks = "".join(
        f"<Placemark><name>楼栋{at}</name><LineString><coordinates>30.7,121 30.7{at},121.01</coordinates></LineString>"
        "</Placemark>"
        for at in range(3)
    )
    source = open_kml(kml(tmp_path / "a.kml", marks, "gb18030"), None, wish("MULTILINESTRING"), INTERACTIVE)
    assert "先纬度后经度,已按先经度后纬度对调" in source.crs_evidence
    assert (source.encoding, rows_of(source)[0]) == (
        "gb18030", {"name": "楼栋0", "?": "LINESTRING (121 30.7, 121.01 30.7)"},
    )  # fmt: skip


@pytest.mark.parametrize("crs", [None, "4490"])
def test_geojson_with_latitude_first(tmp_path: Path, crs: str | None) -> None:
    """Nearly all points decide; one that is the right way round then is the wrong one."""
    points = [(30.7, 121 + at / 1000) for at in range(40)] + [(121.0, 30.7)]
    features = ({"type": "Feature", "geometry": {"type": "Point", "coordinates": point}} for point in points)
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    source = open_geojson(path, wish("POINT", crs=crs), INTERACTIVE)
    assert "已按先经度后纬度对调" in source.crs_evidence
    rows = rows_of(source)
    assert (rows[0]["?"], rows[-1]["?"]) == ("POINT (121 30.7)", "POINT (30.7 121)")


def test_kmz_and_what_else_a_zip_may_hold(tmp_path: Path) -> None:
    mark = "<Placemark><name>点</name><Point><coordinates>121,30.7</coordinates></Point></Placemark>"
    inner = kml(tmp_path / "doc.kml", mark).read_bytes()
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as archive:
        archive.writestr("doc.kml", inner)
        archive.writestr("files/photo.jpg", b"x")
        archive.writestr("other.kml", b"<kml/>")
    sheet, (batch,) = read(tmp_path / "a.kmz", "POINT")
    assert (sheet.driver, sheet.layer, batch.rows) == ("KML", "doc.kml", [["点"]])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("数据/点.csv", "名称,经度,纬度\n甲,121,30.7\n")
        archive.writestr("readme.txt", "说明")
    sheet, (batch,) = read(tmp_path / "a.zip", "POINT")
    assert (sheet.driver, batch.rows[0][0], sheet.notes[0]) == ("CSV", "甲", "读取的是压缩包里的 点.csv")
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.writestr("线.kml", inner)
    with pytest.raises(SeveralLayersError) as caught:
        read(tmp_path / "a.zip", "POINT")
    assert caught.value.names == ("点.csv", "线.kml")
    assert read(tmp_path / "a.zip", "POINT", "线.kml")[0].driver == "KML"


GPX = """<gpx xmlns="http://www.topografix.com/GPX/1/1">
<wpt lat="30.7" lon="121"><ele>3.5</ele><name>井盖</name><desc>破损</desc><cmt>c</cmt>
<time>2024-05-01T01:02:03Z</time></wpt>
<wpt lat="x" lon="121"/>
<rte><name>巡查</name><rtept lat="30.7" lon="121"><name>不算</name></rtept><rtept lat="30.71" lon="121"/></rte>
<trk><name>一圈</name><trkseg><trkpt lat="30.7" lon="121"><time>2024-05-02T00:00:00Z</time></trkpt>
<trkpt lat="30.7" lon="121.01"/><trkpt lat="30.71" lon="121.01"/><trkpt lat="30.70005" lon="121.00005"/></trkseg></trk>
<trk><trkseg><trkpt lat="30.7" lon="121"/><trkpt lat="30.7" lon="121.01"/></trkseg>
<trkseg><trkpt lat="30.8" lon="121"/><trkpt lat="30.8" lon="121.01"/></trkseg><trkseg/></trk></gpx>"""


def test_gpx(tmp_path: Path) -> None:
    path = tmp_path / "a.gpx"
    path.write_text(GPX, "utf-8")
    points = open_gpx(path, wish("POINT"), INTERACTIVE)
    assert points.columns == ("name", "desc", "cmt", "time", "ele", "kind")
    first, second = rows_of(points)
    assert list(first.values()) == ["井盖", "破损", "c", "2024-05-01T01:02:03Z", 3.5, "航点", "POINT (121 30.7)"]
    assert "坐标写法" in str(second["?"])
    assert points.notes == ("没有读入:航线 1 个、航迹 2 个(与图层要的类型不符)",)
    lines = rows_of(open_gpx(path, wish("MULTILINESTRING"), INTERACTIVE))
    assert [(line.get("name"), line["kind"]) for line in lines] == [("巡查", "航线"), ("一圈", "航迹"), (None, "航迹")]
    assert lines[1]["time"] == "2024-05-02T00:00:00Z"
    assert lines[2]["?"] == "MULTILINESTRING ((121 30.7, 121.01 30.7), (121 30.8, 121.01 30.8))"
    areas = open_gpx(path, wish("MULTIPOLYGON"), INTERACTIVE)
    (area,) = rows_of(areas)
    assert (area["name"], str(area["?"])[:12]) == ("一圈", "MULTIPOLYGON")
    assert areas.notes == ("没有读入:航点 2 个、航线 1 个、航迹 1 个(没有首尾相接的航迹也不算)",)


def dxf(path: Path, *entities: str, page: str = "ANSI_936", version: str = "AC1015", encoding: str = "gb18030") -> Path:
    """Write a drawing; an entity is ``KIND code value code value …`` with | between."""
    pairs = [f"0|SECTION|2|HEADER|9|$ACADVER|1|{version}|9|$DWGCODEPAGE|3|{page}|0|ENDSEC"]
    pairs += ["0|SECTION|2|BLOCKS|0|BLOCK|2|灯|0|CIRCLE|8|0|10|0|20|0|40|1|0|INSERT|2|灯|10|0|20|0|0|ENDBLK|0|ENDSEC"]
    pairs += ["0|SECTION|2|ENTITIES", *(f"0|{entity}" for entity in entities), "0|ENDSEC|0|EOF"]
    path.write_bytes("\n".join("|".join(pairs).split("|")).encode(encoding) + b"\n")
    return path


SQUARE = f"10|{EAST}|20|{NORTH}|10|{EAST + 20}|20|{NORTH}|10|{EAST + 20}|20|{NORTH + 10}|10|{EAST}|20|{NORTH + 10}"
ENTITIES = (
    f"LWPOLYLINE|8|居民地|62|1|38|3.5|90|999999999|70|1|{SQUARE}|1001|SOUTH|1000|141111",
    f"LWPOLYLINE|8|居民地|90|4|70|0|{SQUARE}|10|{EAST + 0.0004}|20|{NORTH}",
    f"LWPOLYLINE|8|道路|90|4|70|0|{SQUARE}",
    f"POLYLINE|8|围墙|66|1|70|1|0|VERTEX|8|围墙|10|{EAST}|20|{NORTH}|42|1|0|VERTEX|8|围墙"
    f"|10|{EAST + 10}|20|{NORTH}|42|1|0|SEQEND",
    f"CIRCLE|8|0|10|{EAST}|20|{NORTH}|40|5",
    f"CIRCLE|8|0|10|{-EAST}|20|{NORTH}|40|5|210|0|220|0|230|-1",
    f"LINE|8|道路|10|{EAST}|20|{NORTH}|11|{EAST + 3}|21|{NORTH + 4}",
    f"INSERT|8|管点|2|灯|66|1|10|{EAST}|20|{NORTH}|30|2.5|0|ATTRIB|1|属性|10|0|20|0|0|SEQEND",
    f"TEXT|8|注记|1|新群路%%d\\U+6A4B|10|{EAST}|20|{NORTH}",
    f"MTEXT|8|注记|1|{{\\fSimSun;砖}}\\P3层|10|{EAST}|20|{NORTH}",
    f"POINT|8|高程点|10|{EAST}|20|{NORTH}|30|4.25",
    f"POINT|8|高程点|10|{EAST}|20|很北",
    f"POINT|8|图框|67|1|10|{EAST}|20|{NORTH}",
    f"SPLINE|8|道路|10|{EAST}|20|{NORTH}",
)


def test_dxf_in_areas(tmp_path: Path) -> None:
    source = open_dxf(dxf(tmp_path / "a.dxf", *ENTITIES), wish("MULTIPOLYGON"), INTERACTIVE)
    assert source.columns == ("图层", "图元", "颜色", "标高", "地物编码")
    assert (source.crs, source.encoding, source.claim) == ("EPSG:4549", "gb18030", "values")
    assert "$DWGCODEPAGE 写明" in source.encoding_evidence
    rows = rows_of(source)
    assert list(rows[0].values())[:5] == ["居民地", "多段线", 1, 3.5, "141111"]
    areas = [shapely.from_wkt(row["?"]).area for row in rows]
    circle = 64 / 2 * 25 * np.sin(2 * np.pi / 64)
    assert areas == pytest.approx([200, 200, circle, circle, circle], abs=0.01)
    assert [shapely.from_wkt(row["?"]).centroid.x for row in rows[-2:]] == pytest.approx([EAST, EAST], abs=1e-3)
    assert shapely.get_num_coordinates(shapely.from_wkt(rows[3]["?"])) == 65
    assert source.notes[:2] == ("有 2 条没有闭合的线,没有读入", "有 5 个图形与图层要的类型不符,没有读入")
    assert "SPLINE 1 个" in source.notes[2]
    assert "居民地 2" in source.notes[3]


def test_dxf_in_points_and_lines(tmp_path: Path) -> None:
    path = dxf(tmp_path / "a.dxf", *ENTITIES, page="ANSI_1252")
    points = open_dxf(path, wish("POINT"), INTERACTIVE)
    rows = rows_of(points)
    assert "与内容不符,按 GB18030" in points.encoding_evidence
    assert [(row["图元"], row["文字"], row["标高"]) for row in rows] == [
        ("块", "灯", 2.5), ("文字", "新群路°橋", None), ("多行文字", "砖\n3层", None),
        ("点", None, 4.25), ("点", None, None),
    ]  # fmt: skip
    assert rows[-1]["?"] == "坐标写法不对,或点数太少"
    lines = open_dxf(path, wish("MULTILINESTRING", layer="道路"), INTERACTIVE)
    assert [shapely.from_wkt(row["?"]).length for row in rows_of(lines)] == pytest.approx([50, 5])
    with pytest.raises(SurveyError, match="没有图层“路”;有:居民地"):
        open_dxf(path, wish("MULTILINESTRING", layer="路"), INTERACTIVE)
    utf8 = dxf(tmp_path / "b.dxf", *ENTITIES, version="AC1024", encoding="utf-8")
    assert open_dxf(utf8, wish("POINT"), INTERACTIVE).encoding == "utf-8"


def test_cass_points(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_text(f"3\n1,,{EAST},{NORTH},4.5\n2,房角,{EAST + 1},{NORTH},\nJ3,KZD,{EAST},北,1\n\x1a", "gb18030")
    source = open_cass(path, wish("POINT"), INTERACTIVE)
    assert source.columns == ("点号", "地物编码", "高程")
    assert (source.crs, source.encoding) == ("EPSG:4549", "gb18030")
    first, second, third = rows_of(source)
    assert list(first.values()) == ["1", None, 4.5, f"POINT ({EAST} {NORTH})"]
    assert (second["地物编码"], second["高程"]) == ("房角", None)
    assert third["?"] == "这一行不是“点号,编码,东坐标,北坐标,高程”"
    path.write_text(f"1,,{NORTH},{EAST},4.5\n")
    turned = open_cass(path, wish("POINT"), INTERACTIVE)
    assert "“第三项”是北坐标" in turned.crs_evidence
    assert rows_of(turned)[0]["?"] == f"POINT ({EAST} {NORTH})"
    path.write_text("名称,经度,纬度\n甲,121,30.7\n")
    with pytest.raises(SurveyError, match="不是 CASS"):
        open_cass(path, wish("POINT"), INTERACTIVE)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The parts of a shapefile with a long name, as they lie on a disk."""
    folder = tmp_path_factory.mktemp("parts")
    square = shapely.to_wkb(np.array([shapely.box(EAST, NORTH, EAST + 20, NORTH + 10)], dtype=object))
    raw.write(
        folder / "a.shp", square, [np.array(["新群路1号"], dtype=object)], ["建筑结构类型"], geometry_type="Polygon",
        crs="EPSG:4549", encoding="GB18030", driver="ESRI Shapefile",
    )  # fmt: skip
    return {f"楼栋{path.suffix.upper()}": path for path in folder.iterdir()}


def test_loose_parts_of_a_shapefile(parts: dict[str, Path], tmp_path: Path) -> None:
    packed = pack_parts({**parts, "楼栋.shp.xml": tmp_path, "C:\\fakepath\\楼栋.sbn": tmp_path}, tmp_path)
    sheet, (batch,) = read(packed, "MULTIPOLYGON")
    assert (sheet.layer, batch.rows) == ("楼栋", [["新群路1号"]])
    assert (sheet.columns, sheet.cut_columns) == (("建筑结构类",), ("建筑结构类",))


@pytest.mark.parametrize(
    ("without", "more", "says"),
    [
        (".DBF", {}, "还缺少 楼栋.dbf"),
        ("", {"房屋.shp": Path()}, "名字不同(楼栋、房屋)"),
        ("", {"照片.jpg": Path()}, "照片.jpg,它不属于 Shapefile"),
        ("", {"楼栋.SHP": Path(), "楼栋.shp": Path()}, "两个 .shp"),
    ],
)
def test_parts_that_make_no_shapefile(
    parts: dict[str, Path], tmp_path: Path, without: str, more: dict[str, Path], says: str
) -> None:
    given = {name: path for name, path in parts.items() if not (without and name.endswith(without))}
    with pytest.raises(SurveyError) as caught:
        pack_parts({**given, **more}, tmp_path)
    assert says in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.dwg", b"AC1032\0", "另存为 DXF"),
        ("a.dxf", b"AC1032\0", "内容却是DWG 图纸;请在 CAD 里另存为 DXF"),
        ("a.pdf", b"%PDF-1.7", "不接受“.pdf”文件(PDF)"),
        ("a.csv", b"%PDF-1.7", "内容却是PDF"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "另存为 .xlsx"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "去掉密码"),
        ("a.docx", b"PK\x05\x06" + b"\0" * 18, "复制到 Excel"),
        ("a.wps", b"x", "复制到 Excel"),
        ("a.et", b"x", "在 WPS 里另存为 .xlsx"),
        ("a.rar", b"Rar!\x1a\x07", "改用 .zip"),
        ("a.zip", b"7z\xbc\xaf\x27\x1c", "改用 .zip"),
        ("a.JPG", b"\xff\xd8\xff", "图片里没有坐标"),
        ("a.csv", b"\x89PNG\r\n", "内容却是图片"),
        ("a.mdb", b"\0\1\0\0Standard Jet DB", "Access"),
        ("a.gdb", b"x", "GeoPackage"),
        ("a.shp", b"\0\0\x27\x0a" + b"\0" * 20, "一起选上,或打包成一个 .zip"),
        ("a.dbf", b"\3", "一起选上"),
        ("a.kml", b"{}", "内容却不是 KML"),
        ("a.gpx", b"PK\x05\x06" + b"\0" * 18, "内容却不是 GPX"),
        ("a.qgz", b"x", ACCEPTED),
    ],
)
def test_what_to_do_instead(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(SurveyError) as caught:
        kind_of(path, name)
    assert says in str(caught.value)


def test_zip_of_a_file_geodatabase(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.gdb/a00000001.gdbtable", b"x")
    with pytest.raises(SurveyError, match="导出成 GeoPackage"):
        read(tmp_path / "a.zip", "POINT")


def workbook(path: Path, sheets: dict[str, list[list[object]]], hidden: tuple[str, ...] = ()) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
    book.save(path)
    return path


def test_which_sheet_is_the_survey(tmp_path: Path) -> None:
    place: list[list[object]] = [["名称", "经度", "纬度"], ["甲", 121, 30.7]]
    plain: list[list[object]] = [["名称", "地址"], ["甲", "新群路1号"]]
    path = tmp_path / "a.xlsx"
    ledgers = Wish("POINT", None, None, None, 4549, ledgers=True)
    workbook(path, {"填写说明": plain, "代码": place, "台账": plain, "点位": place, "隐藏": place}, ("隐藏",))
    source = open_workbook(path, ledgers, INTERACTIVE)
    assert (source.layer, source.notes) == ("点位", ("工作簿有 5 个工作表,读取的是“点位”",))
    workbook(path, {"填写说明": plain, "一组": plain, "二组": plain, "空": [["名称"]], "隐藏": plain}, ("隐藏",))
    with pytest.raises(SeveralLayersError) as caught:
        open_workbook(path, ledgers, INTERACTIVE)
    assert caught.value.names == ("一组", "二组")
    assert open_workbook(path, Wish("POINT", None, "二组", None, None, ledgers=True), INTERACTIVE).layer == "二组"
    workbook(path, {"填写说明": plain, "一组": plain})
    assert open_workbook(path, ledgers, INTERACTIVE).layer == "一组"


def test_the_definition_of_a_form_is_no_survey(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"survey": [["type", "name", "label"], ["text", "a", "b"]], "choices": []})
    with pytest.raises(SurveyError, match="XLSForm"):
        open_workbook(path, wish("POINT"), INTERACTIVE)


def test_geopackage_of_a_phone(tmp_path: Path) -> None:
    """QField's: several layers, tables without geometry, closed in write-ahead mode; written latitude first."""
    path = tmp_path / "a.gpkg"
    for layer, x, y in (("点位", 30.7, 121.0), ("线路", 121.0, 30.7)):
        raw.write(
            path, shapely.to_wkb(np.array([shapely.Point(x, y)] * 3, dtype=object)), [np.arange(3)], ["n"],
            geometry_type="Point", crs="EPSG:4490", driver="GPKG", layer=layer, append=path.exists(),
        )  # fmt: skip
    raw.write(path, None, [np.arange(3)], ["n"], geometry_type=None, driver="GPKG", layer="台账", append=True)
    data = bytearray(path.read_bytes())
    data[18:20] = b"\2\2"
    path.write_bytes(data)
    with pytest.raises(SeveralLayersError) as caught:
        read(path, "POINT")
    assert caught.value.names == ("点位", "线路")
    sheet, (batch,) = read(path, "POINT", "点位")
    assert shapely.from_wkb(batch.geometries[0]).wkt == "POINT (121 30.7)"
    assert "已按先经度后纬度对调" in sheet.crs_evidence
    assert any("WAL" in note for note in sheet.notes)
