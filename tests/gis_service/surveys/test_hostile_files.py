"""Files that want to read others, reach the network, or never end: refused, and nothing of a secret anywhere."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pyogrio import raw

from gis_service.surveys.files.fence import ALLOWED_DRIVERS, child_environment
from gis_service.surveys.files.reading import INTERACTIVE, JOB, SurveyError, read_survey
from tests.gis_service.surveys.hostile import (
    SECRET,
    archive,
    encrypted,
    gdalg,
    geopackage,
    listening,
    said_to_unpack_to,
    symbolic_link,
    vrt,
    wfs,
)

POINT = {"type": "Point", "coordinates": [121, 30.7]}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret" / "people.csv"
    path.parent.mkdir()
    path.write_text(f"id_card,lon,lat\n{SECRET},121,30.7\n", "utf-8")
    return path


@pytest.fixture
def canary() -> Iterator[tuple[str, list[bytes]]]:
    with listening() as (address, knocks):
        yield address, knocks


def zipped(path: Path, **members: bytes | str) -> Path:
    path.write_bytes(archive(members))
    return path


def take(path: Path, taken: list[object], options: dict[str, Any]) -> None:
    with read_survey(path, geometry="GEOMETRY", **options) as (sheet, batches):
        taken.append(sheet)
        taken += batches


def refused(path: Path, **options: Any) -> str:
    """Read a file that must be refused, and return the sentence."""
    taken: list[object] = []
    with pytest.raises(SurveyError) as caught:
        take(path, taken, options)
    assert SECRET not in repr(taken)
    message = str(caught.value)
    assert message
    assert SECRET not in message
    assert str(path.parent) not in message
    assert "/vsizip" not in message
    return message


NAMING_OTHER_FILES: dict[str, Callable[[str], bytes | str]] = {
    "a.vrt": vrt,
    "a.geojson": vrt,
    "a.json": gdalg,
    "b.geojson": gdalg,
    "a.gpkg": vrt,
    "a.gml": vrt,
    "a.csv": vrt,
    "a.xlsx": vrt,
    "a.zip": vrt,
    "c.geojson": lambda source: json.dumps({"type": "FeatureCollection", "features": source}),
    "d.geojson": lambda source: json.dumps({"type": "Topology", "objects": {}, "source": source}),
    "e.geojson": json.dumps,
    "b.csv": wfs,
    "f.geojson": wfs,
}


@pytest.mark.parametrize("name", NAMING_OTHER_FILES)
def test_a_file_that_names_another(name: str, tmp_path: Path, secret: Path, canary: tuple[str, list[bytes]]) -> None:
    address, knocks = canary
    for source in (f"CSV:{secret}", f"/vsicurl/{address}"):
        path = tmp_path / name
        path.write_bytes(
            content if isinstance(content := NAMING_OTHER_FILES[name](source), bytes) else content.encode()
        )
        refused(path)
    assert not knocks


@pytest.mark.parametrize(
    "name", ["/vsicurl/http://127.0.0.1:1/a.geojson", "PG:dbname=gis", "http://127.0.0.1:1/a.json"]
)
def test_a_path_that_is_an_address(name: str) -> None:
    assert "找不到文件" in refused(Path(name))


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"survey.geojson": vrt("/etc/passwd")}, "内容却不是 GeoJSON"),
        ({"a.vrt": vrt("/etc/passwd")}, "没有 .shp"),
        ({"a.shp": vrt("/etc/passwd"), "a.shx": "", "a.dbf": ""}, "已损坏"),
        ({"a.shp": b"\0" * 200, "a.shx": b"\0" * 200, "a.dbf": b"\0" * 200}, "已损坏"),
        ({"../../a.shp": b""}, "包外"),
        ({"/etc/a.shp": b""}, "包外"),
        ({"C:\\a.shp": b""}, "包外"),
        ({"inner.zip": b"PK"}, "还有压缩包"),
        ({"inner.xlsx": b"PK\x05\x06" + b"\0" * 18}, "内容却不是 XLSX"),
        ({f"{at}.shp": b"" for at in range(65)}, "65 个文件"),
        ({"a.shp": b"\0" * 40_000_000}, "压缩炸弹"),
        ({}, "没有 .shp"),
    ],
)
def test_hostile_archives(tmp_path: Path, members: dict[str, bytes | str], says: str) -> None:
    assert says in refused(zipped(tmp_path / "a.zip", **members))


def test_an_archive_with_a_symbolic_link(tmp_path: Path, secret: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(archive([(symbolic_link("a.shp"), str(secret))]))
    assert "符号链接" in refused(path)


def test_an_archive_with_a_password(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(encrypted(archive({"a.shp": b"abc"})))
    assert "密码" in refused(path)


def test_an_archive_that_lies_about_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    members = {"a.shp": b"\0" * 5_000_000, "a.shx": b"", "a.dbf": b""}
    path.write_bytes(said_to_unpack_to(archive(members), 1000))
    assert "解不开" in refused(path) or "压缩炸弹" in refused(path)


def test_a_workbook_that_unpacks_to_too_much(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    openpyxl.Workbook().save(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b" " * 40_000_000)
    assert "压缩炸弹" in refused(path)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (
            "CREATE VIEW v AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n AS fid FROM r",
            "视图“v”",
        ),
        ("CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; END", "触发器“t”"),
        ("CREATE VIRTUAL TABLE f USING fts5(words)", "虚拟表“f”"),
        ("DELETE FROM gpkg_contents", "没有带几何的图层"),
        ("DROP TABLE gpkg_geometry_columns", "不是完好的 GeoPackage"),
    ],
)
def test_hostile_geopackages(tmp_path: Path, statement: str, says: str) -> None:
    path = geopackage(tmp_path / "a.gpkg")
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    started = time.monotonic()
    assert says in refused(path)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "content",
    [
        b'{"type":"FeatureCollection","features":' + b"[" * 100_000,
        b'{"type":"GeometryCollection","geometries":[' * 2_000 + b"]}" * 2_000,
        b'{"type":"FeatureCollection","features":[' + b"NaN" + b"]}",
        b'{"type":"FeatureCollection","features":[1]}',
        b'{"type":"FeatureCollection","features":[]}',
        b'{"type":["Point"],"coordinates":[]}',
        b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"a":1},"geometry":null}]}',
        b"{",
        b"\xff\xfe{",
        b"\0" * 100,
    ],
)
def test_hostile_json(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.geojson"
    path.write_bytes(content)
    refused(path)


def test_plain_faults_have_plain_sentences(tmp_path: Path) -> None:
    assert "找不到文件 a.geojson" in refused(tmp_path / "a.geojson")
    (tmp_path / "a.geojson").touch()
    assert "是空的" in refused(tmp_path / "a.geojson")
    assert "不是文件" in refused(tmp_path)
    (tmp_path / "a.dwg").write_text("x")
    assert "不接受“.dwg”" in refused(tmp_path / "a.dwg")
    (tmp_path / "a.shp").write_text("x")
    assert "打包成一个 .zip" in refused(tmp_path / "a.shp")
    (tmp_path / "a.csv").write_text("名称,地址\n甲,乙\n", "utf-8")
    assert "表里有:名称、地址" in refused(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("lon,lat\n", "utf-8")
    assert "没有数据行" in refused(tmp_path / "b.csv")
    geopackage(tmp_path / "a.gpkg").rename(tmp_path / "b.geojson")
    assert "内容却不是 GeoJSON" in refused(tmp_path / "b.geojson")


def test_limits_end_a_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    features = [{"type": "Feature", "properties": {"a": 1, "b": 2}, "geometry": POINT}] * 1_000
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    assert "最多 0 MB" in refused(path, limits=replace(INTERACTIVE, file_bytes=10))
    assert "最多 999 行" in refused(path, limits=replace(INTERACTIVE, rows=999))
    assert "超过 1 个属性列" in refused(path, limits=replace(INTERACTIVE, columns=1))
    assert "顶点超过 999 个" in refused(path, limits=replace(INTERACTIVE, vertices=999))
    assert "超过 0.01 秒" in refused(path, limits=replace(INTERACTIVE, wall_s=0.01))
    assert "超过 0 MB" in refused(path, limits=replace(INTERACTIVE, output_bytes=1_000))


def test_memory_and_processor_time_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_bytes(b'{"type":"FeatureCollection","features":[' + b"[]," * 10_000_000 + b"[]]}")
    assert refused(path, limits=replace(INTERACTIVE, memory_bytes=600 * 1024 * 1024))
    path = tmp_path / "a.csv"
    path.write_text("lon,lat\n" + "121,30.7\n" * 900_000)
    assert "处理器时间" in refused(path, limits=replace(JOB, cpu_s=1))


def inside_the_fence(program: str) -> str:
    answer = subprocess.run(
        [sys.executable, "-P", "-c", program], env=child_environment(), capture_output=True, text=True, check=True
    )
    return answer.stdout.strip()


def test_the_child_has_exactly_the_allowed_drivers() -> None:
    drivers = inside_the_fence("import json, pyogrio; print(json.dumps(sorted(pyogrio.list_drivers())))")
    assert json.loads(drivers) == sorted(ALLOWED_DRIVERS)


def test_a_child_with_other_drivers_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = geopackage(tmp_path / "a.gpkg")
    monkeypatch.setattr("gis_service.surveys.files.fence._SKIPPED_DRIVERS", ("CSV",))
    assert "驱动清单" in refused(path)


def test_the_child_reaches_no_network_and_writes_nothing(canary: tuple[str, list[bytes]], tmp_path: Path) -> None:
    address, knocks = canary
    port = address.split(":")[2].split("/")[0]
    tried = inside_the_fence(
        "import socket\nfrom gis_service.surveys.files.fence import close_network\n"
        "closed = close_network()\n"
        f"try: socket.create_connection(('127.0.0.1', {port}), 1)\nexcept OSError: print(closed, 'cut')\n"
        "else: print(closed, 'open')"
    )
    assert tried in {"True cut", "False open"}
    assert len(knocks) == (tried == "False open")
    target = tmp_path / "written"
    written = inside_the_fence(
        "from pathlib import Path\nfrom gis_service.surveys.files.fence import forbid_writing\nforbid_writing()\n"
        f"try: Path({str(target)!r}).write_text('x')\nexcept OSError: print('refused')"
    )
    assert written == "refused"
    assert target.stat().st_size == 0


def test_nothing_of_our_environment_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIS_DATABASE_OWNER_URL", SECRET)
    assert SECRET not in inside_the_fence("import os; print(dict(os.environ))")


def test_the_fence_is_what_keeps_the_secret(tmp_path: Path, secret: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(vrt(str(secret)), "utf-8")
    assert SECRET in repr(raw.read(path)), "without the fence GDAL reads the other file, whatever the extension says"
    program = (
        f"from pyogrio import raw\ntry: print(raw.read({str(path)!r}))\nexcept Exception as error: print(type(error))"
    )
    assert "DataSourceError" in inside_the_fence(program)
