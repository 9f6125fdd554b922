"""``gis-service area`` and ``upload`` from arguments to exit code, with files as survey teams make them."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
import shapely
import shapely.affinity
from pyogrio import raw
from sqlalchemy import Engine, text

from tests.api.conftest import Command, Ran, State
from tests.conftest import TEST_BOUNDARY, TEST_COMMUNITY

ROWS: list[tuple[str, str, str, int, str]] = [
    ("A-1", "一号楼", "成套住宅", 6, "是"), ("A-2", "二号楼", "工业", 3, "否"), ("A-3", "三号楼", "办公", 12, "否"),
]  # fmt: skip
HEADERS = ("编号", "名称", "房屋用途", "层数(层)", "自建房")
COUNTS = "select count(*) from gis."


def square(at: int, size: float = 0.0005) -> shapely.Polygon:
    west = 120.995 + at * 0.001
    return shapely.box(west, 30.7, west + size, 30.7 + size)


def geojson(path: Path, rows: list[dict[str, Any]], shapes: list[Any]) -> Path:
    features = [
        {"type": "Feature", "properties": row, "geometry": None if shape is None else shapely.geometry.mapping(shape)}
        for row, shape in zip(rows, shapes, strict=True)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False), "utf-8")
    return path


def buildings(path: Path, codes: str, **more: Any) -> Path:
    """Write a GeoJSON of squares, one for each letter, whose codes are the letters."""
    rows = [{"编码": code, "名称": f"{code} 楼", **more} for code in codes]
    return geojson(path, rows, [square(at) for at in range(len(codes))])


def written(path: Path) -> Path:
    """Write the three buildings in the format that the file's name asks for."""
    shapes = [square(at) for at in range(len(ROWS))]
    if path.suffix == ".geojson":
        return geojson(path, [dict(zip(HEADERS, row, strict=True)) for row in ROWS], shapes)
    if path.suffix == ".csv":
        with path.open("w", encoding="gb18030", newline="") as file:
            csv.writer(file).writerows(
                [(*HEADERS, "WKT"), *((*row, s.wkt) for row, s in zip(ROWS, shapes, strict=True))]
            )
        return path
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        book.active.append(["楼栋普查表"])
        for line in ((*HEADERS, "WKT"), *((*row, s.wkt) for row, s in zip(ROWS, shapes, strict=True))):
            book.active.append(line)
        book.save(path)
        return path
    columns = [np.array(column) for column in zip(*ROWS, strict=True)]
    columns = [column if column.dtype.kind in "if" else column.astype(object) for column in columns]
    wkb = shapely.to_wkb(np.array(shapes, dtype=object))
    if path.suffix == ".gpkg":
        raw.write(
            path, wkb, columns, list(HEADERS), geometry_type="Polygon", crs="EPSG:4490", driver="GPKG", layer="楼栋"
        )
        return path
    folder = path.with_suffix("")
    folder.mkdir()
    raw.write(folder / "楼栋.shp", wkb, columns, ["编号", "名称", "用途", "层数", "自建"], geometry_type="Polygon",
              crs="EPSG:4490", driver="ESRI Shapefile", encoding="GBK")  # fmt: skip
    with zipfile.ZipFile(path, "w") as archive:
        for member in folder.iterdir():
            if member.suffix != ".cpg":
                archive.write(member, member.name)
    return path


def one_sentence(ran: Ran) -> str:
    """Check that a command failed with one clear Chinese sentence and no more; return it."""
    assert ran.code != 0
    said = ran.err.strip()
    assert said, ran.out
    assert "\n" not in said
    assert "Traceback" not in ran.err + ran.out
    assert any("\u4e00" <= letter <= "\u9fff" for letter in said), said
    return said


@pytest.fixture
def clean(superuser: Engine, area: str) -> None:
    """Begin with a registered community and no buildings."""
    with superuser.begin() as conn:
        conn.execute(text("delete from gis.building where community = :c"), {"c": area})


def upload(command: Command, path: Path, *more: object, layer: str = "building", crs: str | None = "EPSG:4326") -> Ran:
    """Upload a file; on an empty map a few degrees don't tell their system, so it is stated."""
    stated = ("--crs", crs) if crs else ()
    return command("upload", path, "--layer", layer, "--community", TEST_COMMUNITY, *stated, *more)


def changes(ran: Ran) -> list[int]:
    """Return added, changed, moved, unchanged, refused as they were printed."""
    line = next(line for line in ran.out.splitlines() if line.startswith("│"))
    counts = [int(cell.replace(",", "")) for cell in line.strip("│").split("│")]
    assert ran.code == 0 or counts[-1], ran.err
    return counts


def test_area_is_created_listed_and_not_created_twice(command: Command, state: State, tmp_path: Path) -> None:
    boundary = geojson(tmp_path / "边界.geojson", [{}], [TEST_BOUNDARY])
    made = command("area", "create", "--code", "330482002088", "--name", "新测社区", "--boundary", boundary)
    assert made.code == 0, made.err
    assert "EPSG:4549" in made.out
    assert "新测社区" in command("area", "list").out
    before = state()
    again = command("area", "create", "--code", "330482002088", "--name", "别名", "--boundary", boundary)
    assert "已经登记" in one_sentence(again)
    assert state() == before


@pytest.mark.parametrize(
    ("boundary", "code", "said"),
    [
        (shapely.Point(121, 30.7), "330482002077", "面"),
        (shapely.LineString([(121, 30.7), (121.1, 30.7)]), "330482002077", "面"),
        (shapely.Polygon([(121, 30), (122, 31), (122, 30), (121, 31)]), "330482002077", "自相交"),
        (None, "330482002077", "没有几何"),
        (TEST_BOUNDARY, "33048200207", "12 位"),
        (TEST_BOUNDARY, "330482002", "12 位"),
        (TEST_BOUNDARY, "abc", ""),
        ("missing", "330482002077", "找不到"),
        ("empty", "330482002077", "空的"),
        ("text", "330482002077", ""),
    ],
)
def test_boundary_that_is_no_area_is_refused(
    command: Command, state: State, area: str, tmp_path: Path, boundary: Any, code: str, said: str
) -> None:
    assert area
    path = tmp_path / "边界.geojson"
    if boundary in {"empty", "text"}:
        path.write_text("" if boundary == "empty" else "hello")
    elif boundary != "missing":
        geojson(path, [{}], [boundary])
    before = state()
    refused = one_sentence(command("area", "create", "--code", code, "--name", "甲", "--boundary", path))
    assert said in refused
    assert state() == before


@pytest.mark.parametrize(
    "name",
    [
        "楼栋.zip",
        "楼栋.csv",
        *(pytest.param(one, marks=pytest.mark.long) for one in ("楼栋.geojson", "楼栋.gpkg", "楼栋.xlsx")),
    ],
)
@pytest.mark.usefixtures("clean")
def test_every_format_previews_commits_and_is_unchanged_the_second_time(
    command: Command, state: State, superuser: Engine, tmp_path: Path, name: str
) -> None:
    path = written(tmp_path / name)
    before = state()
    # Three squares on an empty map don't tell their system, and what a program declares is no proof.
    stated = ("--answer", "crs=EPSG:4490")
    assert "请用 --crs 说明" in one_sentence(upload(command, path, crs=None))
    preview = upload(command, path, *stated, crs=None)
    assert changes(preview) == [3, 0, 0, 0, 0]
    assert "只是预览" in preview.out
    assert state() == before
    done = upload(command, path, "--commit", "--source", "census", *stated, crs=None)
    assert changes(done) == [3, 0, 0, 0, 0]
    assert "已写入" in done.out
    with superuser.connect() as conn:
        rows = conn.execute(
            text(
                "select code, name, use, floors, self_built, source, st_asbinary(geom), upload, grid, recorded_by"
                " from gis.building where community = :c order by code"
            ),
            {"c": TEST_COMMUNITY},
        ).all()
    uses = {"成套住宅": "11", "工业": "21", "办公": "60"}
    assert [tuple(row[:6]) for row in rows] == [
        (code, title, uses[use], floors, built == "是", "census") for code, title, use, floors, built in ROWS
    ]
    for at, row in enumerate(rows):
        assert shapely.from_wkb(bytes(row[6])).symmetric_difference(square(at)).area < 1e-15
        assert str(row.upload) in done.out
        assert row.recorded_by == "operator"
    between = state()
    # Now that the same squares stand there, nothing need be asked.
    again = upload(command, path, "--commit", "--source", "census", crs=None)
    assert changes(again) == [0, 0, 0, 3, 0]
    after = state()
    assert after["building"] == between["building"]
    assert after["layer_version"] == between["layer_version"]


@pytest.mark.usefixtures("clean")
def test_changed_and_moved_rows_are_counted(command: Command, superuser: Engine, tmp_path: Path) -> None:
    first = buildings(tmp_path / "a.geojson", "ABCD", 层数=3)
    assert changes(upload(command, first, "--commit")) == [4, 0, 0, 0, 0]
    rows = [{"编码": code, "名称": f"{code} 楼", "层数": 4 if code in "BD" else 3} for code in "ABCDE"]
    shapes = [square(at, 0.0006 if at in {2, 3} else 0.0005) for at in range(5)]
    second = geojson(tmp_path / "b.geojson", rows, shapes)
    # D changed and moved: it counts in both.
    assert changes(upload(command, second)) == [1, 2, 2, 1, 0]
    assert changes(upload(command, second, "--commit")) == [1, 2, 2, 1, 0]
    with superuser.connect() as conn:
        versions = conn.execute(
            text("select code, version, floors from gis.building where community = :c order by code"),
            {"c": TEST_COMMUNITY},
        ).all()
    assert [tuple(row) for row in versions] == [("A", 1, 3), ("B", 2, 4), ("C", 2, 3), ("D", 2, 4), ("E", 1, 3)]


@pytest.mark.usefixtures("clean")
def test_columns_a_file_does_not_give_keep_their_values(command: Command, superuser: Engine, tmp_path: Path) -> None:
    upload(command, buildings(tmp_path / "a.geojson", "A", 层数=3, 地址="新群路 1 号"), "--commit")
    upload(command, buildings(tmp_path / "b.geojson", "A", 层数=5), "--commit")
    with superuser.connect() as conn:
        row = conn.execute(text("select floors, address from gis.building where code = 'A'")).one()
    assert tuple(row) == (5, "新群路 1 号")


@pytest.mark.usefixtures("clean")
def test_refused_rows_stop_the_whole_file_unless_the_valid_ones_are_wanted(
    command: Command, state: State, superuser: Engine, tmp_path: Path
) -> None:
    bowtie = shapely.Polygon([(121, 30.7), (121.001, 30.701), (121.001, 30.7), (121, 30.701)])
    far = shapely.box(121.5, 31.2, 121.501, 31.201)
    rows: list[dict[str, Any]] = [
        {"编码": "好", "层数": 3}, {"编码": "低", "层数": -1}, {"编码": "好", "层数": 3}, {"编码": "蝴蝶"},
        {"编码": "远"}, {"编码": "无"}, {"编码": "点"}, {"编码": "号", "备注": "330482199001011232"}, {"编码": None},
    ]  # fmt: skip
    shapes = [square(0), square(1), square(2), bowtie, far, None, shapely.Point(121, 30.7), square(3), square(4)]
    path = geojson(tmp_path / "混.geojson", rows, shapes)
    before = state()
    preview = upload(command, path)
    # A script that only looks must learn of it too.
    assert "8 行被拒收" in one_sentence(preview)
    assert changes(preview) == [1, 0, 0, 0, 8]
    for row, said in {2: "应不小于 0", 3: "与第 1 行重复", 5: "社区边界之外", 8: "身份证号", 9: "缺少编码"}.items():
        line = next(line for line in preview.out.splitlines() if line.startswith(f"拒收 第 {row} 行"))
        assert said in line
    assert "330482199001011232" not in preview.out
    assert sum(line.startswith("拒收 第") for line in preview.out.splitlines()) == 8
    stopped = upload(command, path, "--commit")
    assert "8 行被拒收" in one_sentence(stopped)
    assert state() == before
    assert "--accept" in one_sentence(upload(command, path, "--commit", "--accept", "all"))
    assert changes(upload(command, path, "--commit", "--accept", "valid")) == [1, 0, 0, 0, 8]
    with superuser.connect() as conn:
        assert conn.execute(text(f"{COUNTS}building where community = :c"), {"c": TEST_COMMUNITY}).scalar() == 1


@pytest.mark.usefixtures("clean")
def test_a_key_stands_for_one_file(command: Command, state: State, tmp_path: Path) -> None:
    path = buildings(tmp_path / "a.geojson", "AB")
    assert upload(command, path, "--commit", "--key", "2026-11 普查").code == 0
    between = state()
    again = upload(command, path, "--commit", "--key", "2026-11 普查")
    assert again.code == 0
    assert "已经入库" in again.out
    assert state() == between
    other = buildings(tmp_path / "b.geojson", "ABC")
    refused = one_sentence(upload(command, other, "--commit", "--key", "2026-11 普查"))
    assert "另一次上传(a.geojson" in refused
    assert state() == between


@pytest.mark.usefixtures("clean")
def test_pieces_are_dissolved(command: Command, superuser: Engine, tmp_path: Path) -> None:
    pieces = [square(0), shapely.affinity.translate(square(0), 0.0005), square(3)]
    path = geojson(tmp_path / "a.geojson", [{"id": 7, "层数": 2}, {"id": 7, "层数": 2}, {"id": 8, "层数": 1}], pieces)
    assert changes(upload(command, path)) == [2, 0, 0, 0, 1]
    assert changes(upload(command, path, "--dissolve", "id", "--commit")) == [2, 0, 0, 0, 0]
    with superuser.connect() as conn:
        stored = conn.execute(text("select st_asbinary(geom) from gis.building where code = '7'")).scalar_one()
    assert shapely.from_wkb(bytes(stored)).equals(shapely.union_all(pieces[:2]))


@pytest.mark.usefixtures("clean")
def test_attribution_stands_on_the_map(command: Command, tmp_path: Path) -> None:
    words = "© 测绘院 <b>& 志愿者</b>"
    path = buildings(tmp_path / "a.geojson", "A")
    assert upload(command, path, "--commit", "--attribution", words).code == 0
    page = tmp_path / "图.html"
    drawn = command("map", "overview", "--community", TEST_COMMUNITY, "--out", page)
    assert drawn.code == 0, drawn.err
    html = page.read_text("utf-8")
    config = json.loads(html.partition('id="gis-config">')[2].partition("</script>")[0])
    assert words in config["attributions"]
    assert words not in html
    assert config["synthetic"] is False


def test_personal_columns_are_named_and_not_imported(
    command: Command, superuser: Engine, area: str, tmp_path: Path
) -> None:
    assert area
    with (tmp_path / "走访.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(
            [("编码", "经度", "纬度", "房间", "承租人", "联系电话", "身份证号", "颜色"),
             ("R1", 121.0, 30.7, "101", "王小明", "13800001111", "330482199001011232", "红")]
        )  # fmt: skip
    path = tmp_path / "走访.csv"
    ran = upload(command, path, "--commit", "--accept", "valid", layer="rental_unit")
    assert ran.code == 0, ran.err
    assert "王小明" not in ran.out
    with superuser.connect() as conn:
        for table in ("rental_unit", "rental_unit_history", "rental_unit_personal"):
            rows = str(conn.execute(text(f"select x::text from gis.{table} x")).scalars().all())
            assert "王小明" not in rows
            assert "13800001111" not in rows
            assert "330482199001011232" not in rows


def _nothing(path: Path) -> Path:
    return path


def _empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _noise(path: Path) -> Path:
    path.write_bytes(bytes(range(256)) * 20)
    return path


def _no_features(path: Path) -> Path:
    return geojson(path, [], [])


def _no_geometry(path: Path) -> Path:
    return geojson(path, [{"编码": "A"}], [None])


def _points(path: Path) -> Path:
    return geojson(path, [{"编码": "A"}], [shapely.Point(121, 30.7)])


def _table_without_place(path: Path) -> Path:
    path.write_text("编码,层数\n没有这个编码,3\n", "utf-8")
    return path


def _foreign(path: Path) -> Path:
    path.write_text("<kml/>", "utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "make", "more", "said"),
    [
        ("没有.geojson", _nothing, (), "没有文件"),
        ("空.geojson", _empty, (), "空的"),
        ("夹.geojson", _folder, (), "是文件夹"),
        ("噪声.geojson", _noise, (), ""),
        ("噪声.gpkg", _noise, (), ""),
        ("噪声.zip", _noise, (), ""),
        ("噪声.xlsx", _noise, (), ""),
        ("噪声.csv", _noise, (), ""),
        ("无要素.geojson", _no_features, (), ""),
        ("无几何.geojson", _no_geometry, ("--commit",), ""),
        ("点.geojson", _points, ("--commit",), "1 行被拒收"),
        ("无坐标.csv", _table_without_place, (), "没有一行可以收下"),
        ("图.kml", _foreign, (), ""),
    ],
)
def test_bad_files_change_nothing(
    command: Command, state: State, area: str, tmp_path: Path, name: str, make: Any, more: tuple[str, ...], said: str
) -> None:
    assert area
    path = make(tmp_path / name)
    before = state()
    assert said in one_sentence(upload(command, path, *more))
    assert state() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--layer", "nothing", "--community", TEST_COMMUNITY), "没有图层"),
        (("--layer", "building", "--community", "999999999999"), "没有社区"),
        (("--layer", "building", "--community", TEST_COMMUNITY, "--crs", "EPSG:1"), ""),
        (("--layer", "building", "--community", TEST_COMMUNITY, "--crs", "EPSG:4549"), "经纬度"),
        (("--layer", "building", "--community", TEST_COMMUNITY, "--dissolve", "没有的列"), "没有可供合并的列"),
    ],
)
def test_wrong_arguments_change_nothing(
    command: Command, state: State, area: str, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    assert area
    path = buildings(tmp_path / "a.geojson", "A")
    before = state()
    assert said in one_sentence(command("upload", path, *arguments, "--commit"))
    assert state() == before


def test_unreadable_file_and_missing_folder(command: Command, area: str, tmp_path: Path) -> None:
    assert "没有文件夹" in one_sentence(
        command("map", "overview", "--community", area, "--out", tmp_path / "nowhere" / "map.html")
    )
    assert "没有地图" in one_sentence(command("map", "nothing", "--community", area, "--out", tmp_path / "map.html"))
    assert not list(tmp_path.iterdir())
