"""An erased value is found nowhere: in no table, version, document, file or log, however it was written."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas
import openpyxl
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from gis_service.areas import create_area
from gis_service.backups.sealing import make_key, read_key, read_sealed
from gis_service.backups.store import Store
from gis_service.database import Database, connect, open_engine
from gis_service.erasure.note import Note
from gis_service.erasure.originals import search_files
from gis_service.erasure.places import Place, places
from gis_service.erasure.receipt import Grounds, erase, look
from gis_service.erasure.repeat import repeat
from gis_service.erasure.values import BLOT, Values, values_of
from gis_service.errors import ConflictError, InputError, UnavailableError
from gis_service.features.write import put_features
from gis_service.local_cluster import LocalCluster
from gis_service.people.accounts import add_account
from gis_service.people.audit import Anchors, list_audit, verify
from gis_service.people.logins import make_token
from gis_service.people.personal import expire_personal, find_feature, read_whole, write_personal
from gis_service.photos.files import PhotoFiles
from gis_service.postgres_server import choose_programs, server_environment
from gis_service.scope import Scope
from gis_service.tables import METADATA
from layers.registry import LAYERS
from tests.conftest import TEST_BOUNDARY, TEST_COMMUNITY
from tests.gis_service.example_rows import example_record, example_shape

OPERATOR = Scope("operator", "operator", ())
STAFF = Scope("li", "staff", (TEST_COMMUNITY,))
NAME, PHONE, IDENTITY = "司马青衫", "13912345678", "33048219800101123X"
VALUES = values_of([NAME, "139-1234 5678", IDENTITY])
WRITTEN = (NAME, "司马 青衫", "139 1234 5678", "１３９12345678", "33048219800101123x")
"""Ways of writing them, of which none may be left."""
OTHERS = ("司马青", "青衫", "13912345679", "213912345678", "121.13912345678", "139123456789")
"""Other people, other numbers, and a coordinate."""


def quiet(_step: str) -> None:
    """Take what is told of the steps."""


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        *WRITTEN,
        "+86 13912345678",
        "+8613912345678",
        "008613912345678",
        "电话139-1234-5678。",
        "（司马青衫）",
        "(139)1234 5678",
        "139\u00a01234－5678",
        "139–1234.5678",
        "司马·青衫",
        "司马\u200b青衫",
        "司马\n青衫",
    ],
)
def test_every_way_of_writing_a_value_is_found(written: str) -> None:
    assert BLOT in VALUES.blot(written)
    for codec in ("utf-8", "gb18030", "utf-16-le", "utf-16-be"):
        assert VALUES.bytes_pattern().search(f"\n{written}\n".encode(codec)), codec
    assert VALUES.bytes_pattern().search(json.dumps(written).encode())


@pytest.mark.parametrize("written", OTHERS)
def test_other_values_stay(written: str) -> None:
    assert VALUES.blot(written) == written
    for codec in ("utf-8", "gb18030", "utf-16-le", "utf-16-be"):
        assert not VALUES.bytes_pattern().search(f"\n{written}\n".encode(codec)), codec


@given(st.text(max_size=30), st.sampled_from(WRITTEN), st.text(max_size=30))
def test_a_value_amid_any_text_goes_and_the_text_stays(before: str, written: str, after: str) -> None:
    # Digits beside it would make it another number.
    before, after = before.rstrip("0123456789０１２３４５６７８９."), after.lstrip("0123456789０１２３４５６７８９")
    blotted = VALUES.blot(f"{before}\n\n\n{written}\n\n\n{after}")
    assert blotted == f"{VALUES.blot(before)}\n\n\n{BLOT}\n\n\n{VALUES.blot(after)}"


@pytest.mark.parametrize(
    "bad",
    [
        [],
        ["", "  "],
        ["张"],
        ["123456"],
        ["abc"],
        ["张三(丰)"],
        ["张三", "x" * 61],
        ["- Li"],
        ["A ---"],
        ["1.23"],
        ["12号"],
    ],
)
def test_values_that_would_be_found_everywhere_are_refused(bad: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        values_of(bad)
    assert not any(value and value in str(refused.value) for value in map(str.strip, bad))


def test_a_receipt_shows_values_masked() -> None:
    assert VALUES.masked() == ["司***", "139****5678", "3304****01123X"]


# -- the database -----------------------------------------------------------------------------------------------------


Town = tuple[str, Database, Engine, Engine]


@pytest.fixture
def town(make_database: Callable[..., str], cluster: LocalCluster) -> Iterator[Town]:
    """A database with some features, an account, personal fields; engines of application, owner and superuser."""
    name = make_database()
    database = connect(cluster.url("gis_app", name))
    with database.write(STAFF) as conn:
        create_area(conn, TEST_COMMUNITY, "测试社区", TEST_BOUNDARY)
        for layer in LAYERS.values():
            count = {"community": 0, "grid": 1}.get(layer.name, 3)
            rows = [(example_record(layer), example_shape(layer, 121.0, 30.7)) for _ in range(count)]
            put_features(conn, layer, TEST_COMMUNITY, rows)
    with database.write(OPERATOR) as conn:
        add_account(conn, "li", "staff", [TEST_COMMUNITY])
        make_token(conn, "li", "QGIS", 30)
    owner, superuser = open_engine(cluster.url("gis_owner", name)), open_engine(cluster.url("postgres", name))
    yield name, database, owner, superuser
    database.close()
    owner.dispose()
    superuser.dispose()


def plant(superuser: Engine, place: Place) -> bool:
    """Write a value into every column of a place that is searched, past triggers and checks; say whether all were."""
    table, ways, rows = f"gis.{place.table.name}", iter(WRITTEN * 20), 0
    document = {"n": int(PHONE), next(ways): [next(ways), {"x": 121.13912345678}], "s": OTHERS[2]}
    values: dict[str, Any] = {column: f"前{next(ways)}后" for column in place.texts}
    values |= {column: ["甲", next(ways)] for column in place.lists}
    values |= {column: json.dumps(document) for column in place.documents}
    with superuser.begin() as conn:
        conn.execute(text("set local session_replication_role = replica"))
        checks = conn.execute(
            text("select conname from pg_constraint where conrelid = cast(:t as regclass) and contype = 'c'"),
            {"t": table},
        ).scalars()  # fmt: skip
        for check in checks.all():
            conn.execute(text(f'alter table {table} drop constraint "{check}"'))
        for column, value in values.items():
            given = "cast(:v as jsonb)" if column in place.documents else ":v"
            change = f'update {table} set "{column}" = {given} where ctid = (select max(ctid) from {table})'
            rows += conn.execute(text(change), {"v": value}).rowcount
    return rows == len(values)


def dumped(cluster: LocalCluster, name: str) -> str:
    """Return everything that a database holds, as pg_dump writes it: an independent look."""
    url = open_engine(cluster.url("postgres", name)).url
    done = subprocess.run(
        [choose_programs(cluster.cluster).folder / "pg_dump", "--inserts", name],
        capture_output=True, text=True, check=True,
        env={**server_environment(), "PGUSER": "postgres", "PGPASSWORD": url.password or "",
             "PGHOST": str(url.query["host"])},
    )  # fmt: skip
    return done.stdout


def grounds(tmp_path: Path, owner: Engine, superuser: Engine | None = None, *logs: Path) -> Grounds:
    (tmp_path / "uploads").mkdir(exist_ok=True)
    return Grounds(owner, superuser, [tmp_path / "uploads"], logs, Anchors(tmp_path / "anchors.jsonl"))


def test_every_table_is_searched_or_is_known_to_hold_no_text_of_people(
    town: Town,
) -> None:
    _, _, owner, _ = town
    with owner.connect() as conn:
        tables = set(
            conn.execute(text("select relname from pg_class where relnamespace = 'gis'::regnamespace and relkind = 'r'"
                              " and relname <> 'migration'")).scalars()
        )  # fmt: skip
    assert tables == {table.name for table in METADATA.tables.values()}
    searched = {place.table.name for place in places()}
    assert tables - searched == {
        # Chains with a way of their own, and tables of codes, counts and names of accounts.
        "audit", "audit_head", "touch", "account_area", "layer_version", "layer_version_history",
        "flow_step",
    }  # fmt: skip


def test_a_planted_value_is_found_and_erased_from_every_column_of_every_table(
    town: Town, cluster: LocalCluster, tmp_path: Path
) -> None:
    name, database, owner, superuser = town
    _fill_rest(superuser)
    assert [place.table.name for place in places() if not plant(superuser, place)] == []
    with superuser.begin() as conn:
        conn.execute(text("set local session_replication_role = replica"))
        conn.execute(text("update gis.building set remark = :v where ctid = (select min(ctid) from gis.building)"),
                     {"v": " ".join(OTHERS)})  # fmt: skip
    held = dumped(cluster, name)
    assert all(way in held for way in WRITTEN)
    where = grounds(tmp_path, owner)
    found = {one.title for one in look(where, VALUES)}
    assert found == {place.title for place in places()}
    receipt = erase(where, VALUES, f"{NAME}本人要求", quiet)
    assert receipt.left == []
    assert {one.title for one in receipt.found} == found
    assert NAME not in json.dumps(receipt.document(), default=str, ensure_ascii=False)
    after = dumped(cluster, name)
    assert [line for line in after.splitlines() if any(way in line for way in WRITTEN)] == []
    # Nothing else went: the others' values, and the number after the point.
    assert all(other in after for other in OTHERS)
    with database.read(OPERATOR) as conn:
        assert verify(conn, [])[1] == []
        (link,) = [one for one in list_audit(conn, limit=5) if one.area == TEST_COMMUNITY][:1]
    noted = {entry["subject"] for entry in link.entries if entry["operation"] == "erase"}
    assert {"building", "building_history", "rental_unit_personal", "proposal"} <= noted
    assert {entry["detail"] for entry in link.entries if entry["operation"] == "erase"} == {f"回执 {receipt.number}"}


def _fill_rest(superuser: Engine) -> None:
    """Add a row to each table that has none yet."""
    statements = (
        "insert into gis.rental_unit_personal (community, id, landlord_name)"
        " select community, id, '甲' from gis.rental_unit",
        f"insert into gis.header_answer (community, layer, header, field) values ('{TEST_COMMUNITY}', 'road', 'h', '')",
        f"insert into gis.export (community, id, code, name, format, paper, orientation, day, areas)"
        f" values ('{TEST_COMMUNITY}', gen_random_uuid(), 'c', 'x', 'pdf', 'A3', 'landscape', now(), '{{1}}')",
        "insert into gis.login_attempt (account, address) values ('x', '::1'), ('y', '::1')",
        f"insert into gis.area_rule values ('{TEST_COMMUNITY}', 'waste_radius_m', 70, '甲')",
        f"insert into gis.work_day values ('{TEST_COMMUNITY}', '2026-12-31', false, '甲', '乙')",
        f"insert into gis.reported_total (community, code, position, title, value, unit, measure, source)"
        f" values ('{TEST_COMMUNITY}', 'a', 1, '甲', 1, '个', 'm', '乙')",
        f"insert into gis.upload (community, key, layer, file_name, sha256, crs, crs_evidence, added, changed, moved,"
        f" unchanged, refused) values ('{TEST_COMMUNITY}', 'k', 'road', 'f', 's', 'c', 'e', 0, 0, 0, 0, 0)",
        f"insert into gis.proposal (community, id, key, state, mode, file_name, sha256, bytes, source)"
        f" values ('{TEST_COMMUNITY}', gen_random_uuid(), 'k', 'processing', 'append', 'f', 's', 1, 'surveyed')",
        f"insert into gis.proposal_row (community, proposal, row, step)"
        f" values ('{TEST_COMMUNITY}', gen_random_uuid(), 1, 'added')",
        f"insert into gis.case_step (community, case_id, position, step, from_flow, from_state, to_flow, to_state,"
        f" office) values ('{TEST_COMMUNITY}', gen_random_uuid(), 1, 'note', 'community', 'found', 'community',"
        f" 'found', 'x')",
        f"insert into gis.case_photo (community, case_id, stage, sha256, width, height, bytes)"
        f" values ('{TEST_COMMUNITY}', gen_random_uuid(), 'before', '{'a' * 64}', 1, 1, 1)",
        f"insert into gis.sync_edit (community, id, kind, body, made_at, state, areas)"
        f" values ('{TEST_COMMUNITY}', gen_random_uuid(), 'x', '{{}}', now(), 'applied', '{{1}}')",
        f"insert into gis.job (community, id, kind, subject, role, areas)"
        f" values ('{TEST_COMMUNITY}', gen_random_uuid(), 'x', '{{}}', 'staff', '{{1}}')",
    )
    with superuser.begin() as conn:
        # A step is checked against its case, which there is none of.
        conn.execute(text("alter table gis.case_step disable trigger take_step"))
        for statement in statements:
            conn.execute(text(statement))
        conn.execute(text("alter table gis.case_step enable trigger take_step"))


def test_the_pages_of_the_database_hold_it_no_more(town: Town, cluster: LocalCluster, tmp_path: Path) -> None:
    name, database, owner, superuser = town
    with database.write(STAFF) as conn:
        # Common enough to become one of the planner's most common values.
        conn.execute(text("update gis.road set manager = :v"), {"v": NAME})
    with superuser.begin() as conn:
        conn.execute(text("analyze gis.road"))
        conn.execute(text("checkpoint"))
        number = conn.execute(text("select oid from pg_database where datname = :n"), {"n": name}).scalar_one()
    folder = cluster.cluster / "base" / str(number)
    needle = NAME.encode()

    def pages() -> list[str]:
        return [path.name for path in folder.iterdir() if needle in path.read_bytes()]

    assert len(pages()) >= 3
    receipt = erase(grounds(tmp_path, owner, superuser), VALUES, "本人要求", quiet)
    assert receipt.left == []
    assert pages() == []


_OTHER_ANCHOR = {"at": "2026-01-01T00:00:00+00:00", "area": "999999", "position": 0, "digest": "", "restored": True}


def test_the_audit_stays_whole_and_an_erased_link_cannot_be_bent(town: Town, tmp_path: Path) -> None:
    _, database, owner, superuser = town
    layer = LAYERS["rental_unit"]
    with database.read(STAFF) as conn:
        code = conn.execute(text("select min(code) from gis.rental_unit")).scalar_one()
        feature = find_feature(conn, layer, STAFF, f"{TEST_COMMUNITY}.{code}")
    with database.write(STAFF) as conn:
        write_personal(conn, layer, feature, {"landlord_name": NAME})
        read_whole(conn, layer, feature, f"核对{NAME}的合同")
    with database.read(OPERATOR) as conn:
        (link,) = [one for one in list_audit(conn, limit=50) if any(NAME in entry["detail"] for entry in one.entries)]
    where = grounds(tmp_path, owner)
    receipt = erase(where, VALUES, "本人要求", quiet)
    assert {one.title: one.rows for one in receipt.found} == {"出租房(个人信息)": 1, "审计记录的说明": 1}
    with database.read(OPERATOR) as conn:
        assert verify(conn, where.anchors.read())[1] == []
        # Without the line that the erasing left outside of the database, it is no erasing.
        kept = [one for one in where.anchors.read() if "erased" not in one]
        assert [one.said for one in verify(conn, [*kept, _OTHER_ANCHOR])[1]] == [
            "说是抹去了个人信息,锚定文件里没有登记"
        ]
        details = [entry["detail"] for one in list_audit(conn, limit=50) for entry in one.entries]
    assert f"核对{BLOT}的合同" in details
    with superuser.connect() as conn:
        row = conn.execute(text("select salt, erased_at, digest from gis.audit where position = :p and area = :a"),
                           {"p": link.position, "a": link.area}).one()  # fmt: skip
    # The salt is gone, without which nobody can try whether a guessed name gives the digest.
    assert (row.salt, row.digest.hex()) == (None, link.digest)
    assert row.erased_at is not None
    here = f"area = '{link.area}' and position = {link.position}"
    for bent in (
        f"update gis.audit set actor = 'wang' where {here}",
        f"update gis.audit set entries = '[]' where {here}",
        # Said to be erased, though nobody erased it.
        f"update gis.audit set erased_at = now(), salt = null where area = '{link.area}' and position = 1",
        f"delete from gis.audit where {here}",
    ):
        with superuser.connect() as conn:
            conn.execute(text(bent))
            assert verify(conn, [])[1] != [], bent
            conn.rollback()
    # Erased a second time, of another value, it is still whole.
    erase(where, values_of(["的合同"]), "本人要求", quiet)
    with database.read(OPERATOR) as conn:
        assert verify(conn, where.anchors.read())[1] == []


def test_what_a_rule_does_not_allow_to_go_stops_everything(town: Town, tmp_path: Path) -> None:
    _, database, owner, superuser = town
    with superuser.begin() as conn:
        conn.execute(text("update gis.building set remark = :v"), {"v": NAME})
        codes = conn.execute(text("select code from gis.waste_point order by code")).scalars().all()
        for code, way in zip(codes, (NAME, "司马 青衫"), strict=False):
            conn.execute(text("update gis.waste_point set code = :v where code = :c"), {"v": way, "c": code})
    (tmp_path / "uploads").mkdir(exist_ok=True)
    original = tmp_path / "uploads" / "x.csv"
    original.write_text(NAME)
    with pytest.raises(ConflictError, match="垃圾投放点”里有一行去掉该内容后不合规则"):
        erase(grounds(tmp_path, owner), VALUES, "本人要求", quiet)
    with database.read(STAFF) as conn:
        assert conn.execute(text("select count(*) from gis.building where remark = :v"), {"v": NAME}).scalar() == 3
    assert original.exists()
    # And leaves no note: a restore would fail over it.
    make_key(tmp_path / "key.txt")
    note = Note(Store(tmp_path), read_key(tmp_path / "key.txt").to_public())
    with pytest.raises(ConflictError):
        erase(grounds(tmp_path, owner), VALUES, "本人要求", quiet, note=note)
    assert list(note.folder.iterdir()) == []


# -- files ------------------------------------------------------------------------------------------------------------


def _workbook(cells: list[Any]) -> bytes:
    book, held = openpyxl.Workbook(), io.BytesIO()
    for cell in cells:
        book.active.append(["甲", cell])
    book.save(held)
    return held.getvalue()


def _zip(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return held.getvalue()


def _spatial(folder: Path, driver: str, name: str, encoding: str) -> bytes:
    frame = geopandas.GeoDataFrame({"name": ["甲", name]}, geometry=[shapely.Point(121, 30.7)] * 2, crs=4490)
    target = folder / ("x.shp" if driver == "ESRI Shapefile" else "x.gpkg")
    frame.to_file(target, driver=driver, encoding=encoding)
    if driver == "GPKG":
        return target.read_bytes()
    return _zip({path.name: path.read_bytes() for path in folder.glob("x.*")})


def _database(value: str) -> bytes:
    """A database whose text is so long that it lies in pieces on several pages."""
    with sqlite3.connect(":memory:") as database:
        database.execute("create table t (a text)")
        database.execute("insert into t values (?)", ["甲" * 1360 + value + "乙" * 3000])
        return database.serialize()


RICH = "<sst><si><r><t>司马</t></r><r><rPr><b/></rPr><t>青衫</t></r></si></sst>"


@pytest.mark.parametrize("value", [NAME, "慕容复"])
def test_a_value_is_found_in_files_of_every_kind(tmp_path: Path, value: str) -> None:
    phone = int(PHONE) if value == NAME else 13912345679
    shapes, pack = tmp_path / "shapes", tmp_path / "pack"
    shapes.mkdir()
    pack.mkdir()
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    contents = {
        "utf8.csv": f"a,b\n{value},1\n".encode(),
        "gbk.csv": f"a,b\n{value},1\n".encode("gbk"),
        "utf16.txt": f"a,b\n{value},1\n".encode("utf-16"),
        "big5.csv": f"司馬,{phone}\n".encode("big5"),
        "name.xlsx": _workbook([value]),
        "number.xlsx": _workbook([phone]),
        "ascii.geojson": json.dumps({"properties": {"n": value}}).encode(),
        "entity.kml": f"<kml><name>{''.join(f'&#x{ord(sign):X};' for sign in value)}</name></kml>".encode(),
        "packed.kmz": _zip({"doc.kml": f"<kml><name>{value}</name></kml>".encode()}),
        "name-of-member.zip": _zip({f"{value}.csv": b"a,b"}),
        "nested.zip": _zip({"x.xlsx": _workbook([value])}),
        "shape.zip": _spatial(shapes, "ESRI Shapefile", value, "gbk"),
        "x.gpkg": _spatial(pack, "GPKG", value, "utf-8"),
        "packed-long.zip": _zip({"long.gpkg": _database(value)}),
        "cad.dxf": "".join(f"\\U+{ord(sign):04X}" for sign in value).encode(),
        "long.gpkg": _database(value),
    }  # fmt: skip
    if value == NAME:
        contents["rich.xlsx"] = _zip({"xl/sharedStrings.xml": RICH.encode()})
    for name, content in contents.items():
        (uploads / name).write_bytes(content)
    verdicts = dict(search_files(sorted(uploads.iterdir()), VALUES))
    expected = "found" if value == NAME else "absent"
    assert {path.name: verdict for path, verdict in verdicts.items() if verdict != expected} == {}


def test_files_that_nobody_can_see_into_are_unknown(tmp_path: Path) -> None:
    locked = bytearray(_zip({"x.csv": b"a,b"}))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        locked[locked.index(mark) + (6 if mark[2] == 3 else 8)] |= 1
    bomb = _zip({"x.csv": b"0" * 1000})
    for name, content in {
        "a.7z": b"7z\xbc\xaf\x27\x1c", "b.zip": bytes(locked), "c.zip": bomb[:-30], "d.pdf": b"%PDF-1.7",
        "e.gpkg": b"SQLite format 3\0" + b"\0" * 200,
        "f.xlsx": b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"),
        "g.zip": _zip({"deep.zip": _zip({"deep.zip": _zip({"deep.zip": _zip({"x.csv": NAME.encode()})})})}),
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(content)
    (tmp_path / "h.csv").touch()
    verdicts = {path.name: verdict for path, verdict in search_files(sorted(tmp_path.iterdir()), VALUES)}
    assert verdicts.pop("h.csv") == "absent"
    assert set(verdicts.values()) == {"unknown"}
    assert len(verdicts) == 7


def test_originals_and_logs_are_cleaned(town: Town, tmp_path: Path) -> None:
    _, _, owner, _ = town
    where = grounds(tmp_path, owner, None, tmp_path / "postgresql.log", tmp_path / "missing.log")
    (where.files[0] / "with.csv").write_text(f"甲,{NAME}\n")
    (where.files[0] / "without.csv").write_text("甲,慕容复\n")
    (where.files[0] / "closed.7z").write_bytes(b"7z\xbc\xaf\x27\x1c")
    log = tmp_path / "postgresql.log"
    log.write_text(f"ERROR near '{NAME}' at 1\nnext {PHONE}\n", encoding="utf-8")
    writer = log.open("ab")
    receipt = erase(where, VALUES, "本人要求", quiet)
    writer.write(b"later\n")
    writer.close()
    # What nobody can see into is told, and goes only when that is wanted.
    assert sorted(path.name for path in where.files[0].iterdir()) == ["closed.7z", "without.csv"]
    assert any("closed.7z" in one for one in receipt.kept)
    more = erase(where, VALUES, "本人要求", quiet, unreadable=True)
    assert [one.shown for one in more.found] == [("closed.7z",)]
    assert [path.name for path in where.files[0].iterdir()] == ["without.csv"]
    assert {one.title: (one.rows, one.shown) for one in receipt.found} == {
        "文件(整份删除)": (1, ("with.csv",)),
        "日志": (2, ()),
    }
    lines = log.read_text(encoding="utf-8").splitlines()
    assert lines == ["ERROR near '************' at 1", "next ***********", "later"]
    assert any("GIS_BACKUPS" in one for one in receipt.kept)


# -- after a restore --------------------------------------------------------------------------------------------------


def test_what_was_erased_is_erased_again_after_a_restore(town: Town, tmp_path: Path) -> None:
    _, database, owner, superuser = town
    (tmp_path / "store").mkdir()
    make_key(tmp_path / "key.txt")
    key, store = read_key(tmp_path / "key.txt"), Store(tmp_path / "store")
    where, note = grounds(tmp_path, owner), Note(store, key.to_public())
    change = text("update gis.building set remark = :v")
    with database.write(STAFF) as conn:
        conn.execute(change, {"v": f"找{NAME}"})
    receipt = erase(where, VALUES, "本人要求", quiet, note=note)
    assert not any("GIS_BACKUPS" in one for one in receipt.kept)
    (sealed,) = store.erasures.iterdir()
    assert NAME.encode() not in sealed.read_bytes()
    assert json.loads(read_sealed(sealed, key))["values"] == list(VALUES.values)
    # Where the audit says that it was erased, whoever writes the name afterwards does so rightly.
    with database.write(STAFF) as conn:
        conn.execute(change, {"v": f"另一个{NAME}"})
    assert repeat(where, PhotoFiles(tmp_path / "photos"), store, key, quiet) == ([], [])
    # As a restore brings it: the name is there, and nothing says that it was erased.
    with superuser.begin() as conn:
        conn.execute(text("delete from gis.audit where area = ''"))
        conn.execute(text("delete from gis.audit_head where area = ''"))
    with database.write(STAFF) as conn:
        conn.execute(change, {"v": f"找{NAME}"})
    (again,), failed = repeat(where, PhotoFiles(tmp_path / "photos"), store, key, quiet)
    assert (again.number, again.left, failed) == (receipt.number, [], [])
    with database.read(STAFF) as conn:
        assert set(conn.execute(text("select remark from gis.building")).scalars()) == {f"找{BLOT}"}
        assert not conn.execute(
            text("select 1 from gis.building_history where remark like :v"), {"v": f"%{NAME}%"}
        ).first()
    # Where the note can't be written, nothing is erased.
    with database.write(STAFF) as conn:
        conn.execute(change, {"v": NAME})
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="没有删除"):
        erase(where, VALUES, "x", quiet, note=Note(Store(tmp_path / "file"), key.to_public()))
    assert look(where, Values((NAME,)))
    with superuser.begin() as conn:
        conn.execute(text("create schema gis_before_20260101t000000z"))
    aside = erase(where, VALUES, "本人要求", quiet, note=note)
    assert any("gis_before_20260101t000000z" in one for one in aside.kept)


def test_personal_fields_that_nobody_writes_anew_expire(town: Town) -> None:
    _, database, _, superuser = town
    with superuser.begin() as conn:
        conn.execute(text("insert into gis.rental_unit_personal (community, id, landlord_name, written_at)"
                          " select community, id, '甲', now() - make_interval(days => 100 * row_number() over ()::int)"
                          " from gis.rental_unit"))  # fmt: skip
    layer = LAYERS["rental_unit"]
    with superuser.connect() as conn:
        code = conn.execute(
            text("select u.code from gis.rental_unit u join gis.rental_unit_personal p using (community, id)"
                 " order by p.written_at limit 1")
        ).scalar_one()  # fmt: skip
    with database.write(STAFF) as conn:
        feature = find_feature(conn, layer, STAFF, f"{TEST_COMMUNITY}.{code}")
        write_personal(conn, layer, feature, {"landlord_name": "乙"})
        assert read_whole(conn, layer, feature, "核对合同") == {"landlord_name": "乙", "landlord_phone": None}
        # Nobody but the service itself lets them expire.
        assert expire_personal(conn, 1) == 0
    with database.write(OPERATOR) as conn:
        assert expire_personal(conn, 150) == 1
    with superuser.connect() as conn:
        left = (
            conn.execute(text("select landlord_name from gis.rental_unit_personal order by written_at")).scalars().all()
        )
    assert left == ["甲", "乙"]
    with database.read(OPERATOR) as conn:
        (link, *_) = list_audit(conn, limit=1)
    assert [(one["subject"], one["operation"], one["detail"], one["rows"]) for one in link.entries] == [
        ("rental_unit_personal", "delete", "保留期满", 1)
    ]
    assert datetime.now(UTC) > link.at
