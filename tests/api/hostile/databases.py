"""GeoPackages that run programs, and shapefiles whose parts contradict each other."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.api.hostile.bait import Bait, Hostile
from tests.api.hostile.sources import shapefile
from tests.gis_service.surveys.hostile import archive, geopackage

_ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n AS fid, NULL AS geom FROM r"


def _geopackage(bait: Bait) -> Path:
    # The triggers of a spatial index need functions that only GDAL has.
    return geopackage(bait.folder / f"{len(list(bait.folder.iterdir()))}.gpkg", SPATIAL_INDEX="NO")


def _with_sql(*statements: str) -> Callable[[Bait], bytes]:
    def make(bait: Bait) -> bytes:
        path = _geopackage(bait)
        connection = sqlite3.connect(path)
        for statement in statements:
            connection.execute(statement.replace("{secret}", str(bait.secret)))
        connection.commit()
        connection.close()
        return path.read_bytes()

    return make


def _rewritten(sql: str) -> Callable[[Bait], bytes]:
    """A database whose own record of what it holds is rewritten, as no statement could."""
    return _with_sql("PRAGMA writable_schema = ON", sql)


def _scribbled(start: int, content: bytes) -> Callable[[Bait], bytes]:
    def make(bait: Bait) -> bytes:
        data = bytearray(_geopackage(bait).read_bytes())
        data[start : start + len(content)] = content
        return bytes(data)

    return make


def _parts(change: Callable[[dict[str, bytearray]], None]) -> Callable[[Bait], bytes]:
    """A shapefile with its parts changed."""

    def make(bait: Bait) -> bytes:
        shapefile(bait)
        folder = max(
            (path for path in bait.folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime_ns
        )
        parts = {path.suffix: bytearray(path.read_bytes()) for path in folder.iterdir() if path.suffix != ".cpg"}
        change(parts)
        return archive({f"a{extension}": bytes(content) for extension, content in parts.items()})

    return make


def _put(part: str, at: int, content: bytes) -> Callable[[Bait], bytes]:
    def change(parts: dict[str, bytearray]) -> None:
        parts[part][at : at + len(content)] = content

    return _parts(change)


def _index_of_another(parts: dict[str, bytearray]) -> None:
    index = parts[".shx"]
    index[100:] = b"".join((50 + at * 9_000_000).to_bytes(4, "big") + (10).to_bytes(4, "big") for at in range(200))
    index[24:28] = (len(index) // 2).to_bytes(4, "big")


def files() -> Iterator[Hostile]:
    """Yield the files."""
    name = "survey.gpkg"
    yield Hostile("a view without end", name, _with_sql(
        f"CREATE VIEW v AS {_ENDLESS}",
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES ('v', 'features', 'v', 4490)",
        "INSERT INTO gpkg_geometry_columns VALUES ('v', 'geom', 'POINT', 4490, 0, 0)"), "视图")  # fmt: skip
    yield Hostile("a trigger", name, _with_sql("CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; END"), "触发器")
    yield Hostile("a virtual table", name, _with_sql("CREATE VIRTUAL TABLE f USING fts5(words)"), "虚拟表")
    yield Hostile("another database in a view", name, _rewritten(
        "INSERT INTO sqlite_master VALUES ('view', 'v', 'v', 0, 'CREATE VIEW v AS SELECT * FROM pragma_database_list;"
        " ATTACH ''{secret}'' AS s')"), "视图")  # fmt: skip
    yield Hostile("a virtual table under a plain name", name, _rewritten(
        "UPDATE sqlite_master SET sql = 'CREATE/**/VIRTUAL TABLE a USING csv(filename=''{secret}'')' WHERE name = 'a'"
    ), "不是完好的")  # fmt: skip
    yield Hostile("a column that is a gigabyte", name, _with_sql(
        "ALTER TABLE a ADD COLUMN big AS (hex(zeroblob(400000000)))"), "已损坏")  # fmt: skip
    yield Hostile("a layer that isn't there", name, _with_sql("DROP TABLE a"), "没有带几何的图层")
    yield Hostile("names out of quotes", name, _with_sql(
        'ALTER TABLE a ADD COLUMN "x""; DROP TABLE a; --" TEXT', "UPDATE a SET fid = 9223372036854775807"),
        taken={"refused": 1})  # fmt: skip
    yield Hostile("pages that are noise", name, _scribbled(8192, b"\xa5" * 60_000), "不是完好的|已损坏")
    yield Hostile("a page size of nothing", name, _scribbled(16, b"\0\0"), "不是完好的|已损坏")
    yield Hostile("a geometry that is noise", name, _with_sql("UPDATE a SET geom = randomblob(5000)"), "已损坏")
    yield Hostile("a geometry that says four billion points", name, _with_sql(
        "UPDATE a SET geom = x'47500001' || x'8A110000' || x'0102000000FFFFFFFF'"), "已损坏")  # fmt: skip
    zipped = "survey.zip"
    yield Hostile("four billion records", zipped, _put(".dbf", 4, b"\xff\xff\xff\xff"), taken={"added": 1})
    yield Hostile("fields wider than the record", zipped, _put(".dbf", 48, b"\xff\xff"), taken={"refused": 1})
    yield Hostile("records of no bytes", zipped, _put(".dbf", 10, b"\0\0"), taken={"refused": 1})
    yield Hostile("a header longer than the table", zipped, _put(".dbf", 8, b"\xff\xff"), taken={"refused": 1})
    yield Hostile("a shape longer than the file", zipped, _put(".shp", 104, b"\x7f\xff\xff\xff"), taken={"added": 1})
    yield Hostile("a file of no length", zipped, _put(".shp", 24, b"\0\0\0\0"), taken={"added": 1})
    yield Hostile("a shape of another type", zipped, _put(".shp", 108, b"\x1f\0\0\0"), "已损坏")
    yield Hostile("a place that is no number", zipped, _put(".shp", 112, b"\xff" * 16), taken={"refused": 1})
    yield Hostile("an index of another file", zipped, _parts(_index_of_another), taken={"added": 1})
    yield Hostile(
        "a table of nothing", zipped, _parts(lambda parts: parts.update({".dbf": bytearray()})), taken={"refused": 1}
    )
