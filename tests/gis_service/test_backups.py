"""Backups come back: the dump row by row, the cluster to a point in time; and whatever spoils one is said."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from api import backup_schedule
from api.backup_schedule import BackupSchedule
from gis_service.areas import create_area
from gis_service.backups.check import try_backup
from gis_service.backups.log_keeper import LogKeeper, seal_spool
from gis_service.backups.log_names import first_gap, position_of, segment_end
from gis_service.backups.make import DUMP, FILES, Server, make_backup, read_life
from gis_service.backups.photos import PHOTOS, PhotoKeeper, restore_photos
from gis_service.backups.restore import compare, end_logins, owned, restore_dump, restore_files
from gis_service.backups.restore_cluster import restore_base, set_aside
from gis_service.backups.sealing import Key, make_key, read_key, read_sealed, recipient_of, seal, unsealed
from gis_service.backups.state import digest_of_catalogue, read_tables
from gis_service.backups.store import Backup, Manifest, Store, TableState, read_backup
from gis_service.database import connect, open_engine, prepare, spatial_index_helps
from gis_service.digest import sha256_of
from gis_service.errors import ConflictError, InputError, NotFoundError, UnavailableError
from gis_service.features.write import put_features
from gis_service.local_cluster import LocalCluster
from gis_service.migrate import migrate
from gis_service.people.accounts import add_account
from gis_service.people.audit import Anchors, verify
from gis_service.people.logins import make_token
from gis_service.photos.files import PhotoFiles
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.conftest import TEST_BOUNDARY
from tests.conftest import TEST_COMMUNITY as COMMUNITY
from tests.gis_service.example_rows import example_record, example_shape
from tests.gis_service.photo_samples import small_photo

OPERATOR = Scope("operator", "operator", ())
STAFF = Scope("li", "staff", (COMMUNITY,))
State = dict[str, TableState]


def quiet(_step: str) -> None:
    """Take what is told of the steps."""


@dataclass(frozen=True)
class Town:
    """A cluster with a community, its backup and its log until after a disaster; and what it held just before that."""

    cluster: LocalCluster
    store: Store
    key: Key
    backup: Backup
    before: State
    moment: datetime
    catalogue: str
    end: State

    @property
    def server(self) -> Server:
        return Server(self.cluster.url("gis_backup"), self.cluster.cluster)


def state_of(cluster: LocalCluster, database: str = "gis") -> tuple[State, str]:
    engine = open_engine(cluster.url("postgres", database))
    with engine.begin() as conn:
        found = read_tables(conn), digest_of_catalogue(conn)
    engine.dispose()
    return found


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that the database's own user may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="gis-t-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def town(place: Path) -> Iterator[Town]:
    cluster = LocalCluster(place / "data", fast=True)
    cluster.start()
    prepare(cluster.url("postgres", "postgres"), cluster.passwords)
    owner = open_engine(cluster.url("gis_owner"))
    migrate(owner)
    owner.dispose()
    database = connect(cluster.url("gis_app"))
    with database.write(STAFF) as conn:
        create_area(conn, COMMUNITY, "测试社区", TEST_BOUNDARY)
        for layer in LAYERS.values():
            if layer.name not in {"community", "grid"}:
                rows = [(example_record(layer), example_shape(layer, 121.0, 30.7)) for _ in range(20)]
                put_features(conn, layer, COMMUNITY, rows)
    with database.write(OPERATOR) as conn:
        add_account(conn, "li", "staff", [COMMUNITY])
        make_token(conn, "li", "test", 30)
    uploads = cluster.data / "uploads"
    uploads.mkdir()
    (uploads / "one.csv").write_text("名称\n甲\n", encoding="utf-8")
    make_key(place / "key.txt")
    key, store = read_key(place / "key.txt"), Store(place / "store")
    store.folder.mkdir()
    server = Server(cluster.url("gis_backup"), cluster.cluster)
    keeper = LogKeeper(server, store, key.to_public(), cluster.data / "wal")
    keeper.start()
    files = {"uploads": uploads, "passwords.json": cluster.data / "passwords.json", "missing": place / "nowhere"}
    photos = PhotoKeeper(PhotoFiles(cluster.data / "photos"), store, key.to_public())
    for number in (1, 2):
        PhotoFiles(cluster.data / "photos").keep(small_photo(number))
    backup = make_backup(server, store, key.to_public(), files, quiet, photos=photos)
    PhotoFiles(cluster.data / "photos").keep(small_photo(3))
    photos.keep()
    with database.write(STAFF) as conn:
        conn.execute(
            text("update gis.building set remark = '备份以后' where code > (select min(code) from gis.building)")
        )
    (before, catalogue), moment = state_of(cluster), datetime.now(UTC)
    time.sleep(0.05)
    with database.write(STAFF) as conn:
        conn.execute(text("delete from gis.parking"))
    end, _ = state_of(cluster)
    # Without synchronous commits, which this cluster goes without, the server writes its log a little later.
    time.sleep(0.7)
    assert keeper.caught_up(20)
    assert keeper.keep()
    keeper.stop()
    database.close()
    yield Town(cluster, store, key, backup, before, moment, catalogue, end)
    cluster.stop()


@pytest.fixture
def target(place: Path) -> Iterator[LocalCluster]:
    """A place to restore to; whatever runs there ends with the test."""
    cluster = LocalCluster(place / "target", fast=True)
    yield cluster
    cluster.stop()
    shutil.rmtree(cluster.data, ignore_errors=True)


@pytest.fixture(scope="module")
def back(town: Town) -> Server:
    """A database beside the first, into which the dump was restored."""
    prepare(town.cluster.url("postgres", "postgres"), town.cluster.passwords, "back")
    server = Server(town.cluster.url("gis_owner", "back"), town.cluster.cluster)
    restore_dump(town.backup, town.key, server, replace=False)
    return server


# -- the dump ---------------------------------------------------------------------------------------------------------


def test_the_dump_comes_back_row_by_row_with_its_policies_and_triggers(town: Town, back: Server) -> None:
    server = back
    with owned(server) as conn:
        assert compare(town.backup, conn) == []
        assert verify(conn, [])[1] == []
        counted = conn.execute(text("select count(*) from pg_policies where schemaname = 'gis'")).scalar_one()
        fired = conn.execute(text("select count(*) from pg_trigger where not tgisinternal")).scalar_one()
        assert counted > 60
        assert fired > 100
        assert spatial_index_helps(conn)
    database = connect(town.cluster.url("gis_app", back.database))
    with database.read(Scope("li", "staff", ())) as conn:
        assert conn.execute(text("select count(*) from gis.building")).scalar() == 0
    with database.write(STAFF) as conn:
        # Triggers work: a change is a version, and is in the audit.
        conn.execute(text("update gis.building set remark = 'x' where code = (select min(code) from gis.building)"))
    with database.read(OPERATOR) as conn:
        links, findings = verify(conn, [])
    assert (links, findings) == (town.backup.manifest.tables["audit"].rows + 1, [])
    with database.writer.begin() as conn, pytest.raises(ProgrammingError):
        conn.execute(text("delete from gis.audit"))
    database.close()
    with owned(server) as conn:
        said = compare(town.backup, conn)
        ended = end_logins(conn)
        assert conn.execute(text("select count(*) from gis.credential")).scalar() == 0
    assert ended == town.backup.manifest.tables["credential"].rows == 1
    rows = town.backup.manifest.tables["building"].rows
    assert f"表 building:{rows:,} 行的内容不同" in said
    # A second time the place isn't empty.
    with pytest.raises(ConflictError, match="已经有数据,没有恢复"):
        restore_dump(town.backup, town.key, server, replace=False)
    restore_dump(town.backup, town.key, server, replace=True)
    with owned(server) as conn:
        assert compare(town.backup, conn) == []
        aside = conn.execute(text("select nspname from pg_namespace where nspname like 'gis_before_%'")).scalar_one()
        assert conn.execute(text(f"select count(*) from {aside}.building where remark = 'x'")).scalar() == 1


def test_a_dump_that_cannot_come_back_leaves_the_database_as_it_was(town: Town, place: Path) -> None:
    prepare(town.cluster.url("postgres", "postgres"), town.cluster.passwords, "kept")
    server = Server(town.cluster.url("gis_owner", "kept"), town.cluster.cluster)
    engine = open_engine(server.url)
    migrate(engine)
    with engine.begin() as conn:
        conn.execute(text("insert into gis.area (code, name, metric_srid) values ('330482002098', '旧的', 4549)"))
    broken = place / "broken" / town.backup.name
    shutil.copytree(town.backup.folder, broken)
    plain = read_sealed(broken / DUMP, town.key)
    seal(io.BytesIO(plain[: len(plain) // 2]), broken / DUMP, town.key.to_public())
    document = json.loads((broken / "manifest.json").read_text())
    document["files"][DUMP] = sha256_of(broken / DUMP)
    (broken / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(UnavailableError, match="pg_restore 没有成功"):
        restore_dump(read_backup(broken), town.key, server, replace=True)
    with engine.begin() as conn:
        assert conn.execute(text("select name from gis.area")).scalars().all() == ["旧的"]
        assert not conn.execute(text("select 1 from pg_namespace where nspname like 'gis_before_%'")).scalar()
    engine.dispose()


# -- a point in time --------------------------------------------------------------------------------------------------


def test_the_cluster_comes_back_as_it_was_before_the_disaster(town: Town, target: LocalCluster) -> None:
    assert town.before["parking"].rows > 0 == town.end["parking"].rows
    restore_base(town.backup, town.key, town.store, target, quiet, at=town.moment)
    assert state_of(target) == (town.before, town.catalogue)
    # It is a server like any other: it can be written to, and has nothing left of the restore.
    engine = open_engine(target.url("postgres"))
    with engine.begin() as conn:
        assert conn.execute(text("show restore_command")).scalar() == ""
        conn.execute(text("delete from gis.waste_point"))
    engine.dispose()
    assert not (target.cluster / "restored_log").exists()
    target.stop()
    target.start()
    assert state_of(target)[0]["waste_point"].rows == 0


def test_without_a_moment_everything_that_was_fetched_comes_back(town: Town, target: LocalCluster) -> None:
    restore_base(town.backup, town.key, town.store, target, quiet)
    assert state_of(target) == (town.end, town.catalogue)


@pytest.mark.long
def test_after_a_wrong_moment_every_other_one_can_still_be_had(town: Town, target: LocalCluster, place: Path) -> None:
    """A restore begins another life of the cluster, whose log lies beside that of the first one."""
    early = town.backup.manifest.made_at + timedelta(milliseconds=1)
    store = Store(place / "lives")
    shutil.copytree(town.store.folder, store.folder)
    restore_base(town.backup, town.key, store, target, quiet, at=early)
    server = Server(target.url("gis_backup"), target.cluster)
    keeper = LogKeeper(server, store, town.key.to_public(), target.data / "wal")
    keeper.start()
    second = make_backup(server, store, town.key.to_public(), {"passwords.json": target.data / "passwords.json"}, quiet)
    assert second.manifest.timeline == 2
    assert read_life(server) == (town.backup.manifest.system, 2)
    database = connect(target.url("gis_app"))
    with database.write(STAFF) as conn:
        conn.execute(text("update gis.road set remark = '第二次'"))
    database.close()
    now, _ = state_of(target)
    time.sleep(0.7)
    assert keeper.caught_up(20)
    keeper.keep()
    keeper.stop()
    target.stop()
    assert list(store.log_of(town.backup.manifest.system).glob("00000002.history.age"))
    for backup, at, wanted in ((town.backup, town.moment, town.before), (second, None, now)):
        shutil.rmtree(target.data)
        restore_base(backup, town.key, store, target, quiet, at=at)
        assert state_of(target)[0] == wanted
        target.stop()
    # With a piece of it missing the log isn't taken for whole.
    segments = sorted(store.log_of(town.backup.manifest.system).glob("00000001*.age"))
    assert first_gap([one.name for one in segments], position_of(town.backup.manifest.base_from)) is None
    if len(segments) > 2:
        segments[1].unlink()
        shutil.rmtree(target.data)
        with pytest.raises(InputError, match="缺了一段数据库的日志"):
            restore_base(town.backup, town.key, store, target, quiet)


def test_the_copy_of_a_server_elsewhere_becomes_a_private_cluster(
    town: Town, target: LocalCluster, place: Path
) -> None:
    """Its passwords aren't in the backup, and whatever its settings say isn't obeyed."""
    engine = open_engine(town.cluster.url("postgres", "postgres")).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.execute(text("alter system set log_statement = 'all'"))
    store = Store(place / "elsewhere")
    store.folder.mkdir()
    backup = make_backup(Server(town.cluster.url("gis_backup")), store, town.key.to_public(), {}, quiet)
    with engine.connect() as conn:
        conn.execute(text("alter system reset log_statement"))
    engine.dispose()
    restore_base(backup, town.key, store, target, quiet)
    prepare(target.url("postgres", "postgres"), target.passwords)
    assert target.passwords["gis_app"] != town.cluster.passwords["gis_app"]
    database = connect(target.url("gis_app"))
    with database.read(STAFF) as conn:
        assert conn.execute(text("select count(*) from gis.building")).scalar() == 20
        assert conn.execute(text("show log_statement")).scalar() == "none"
    database.close()
    assert state_of(target)[1] == town.catalogue
    # Nobody is let in without the password.
    for role in ("postgres", "gis_app"):
        wrong = target.url(role).replace(target.passwords[role], "wrong").replace("+psycopg", "")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(wrong).close()


def test_moments_that_the_backup_does_not_reach_are_refused(town: Town, target: LocalCluster) -> None:
    with pytest.raises(InputError, match="早于这份备份"):
        restore_base(town.backup, town.key, town.store, target, quiet, at=town.moment - timedelta(days=1))
    assert not target.data.exists()
    with pytest.raises(InputError, match="日志还没有到"):
        restore_base(town.backup, town.key, town.store, target, quiet, at=town.moment + timedelta(days=1))


def test_a_cluster_in_the_way_is_refused_or_set_aside(town: Town, target: LocalCluster) -> None:
    target.data.mkdir()
    assert set_aside(target, replace=False) is None
    target.start()
    with pytest.raises(ConflictError, match="已经有数据,没有恢复"):
        set_aside(target, replace=False)
    assert target.running()
    aside = set_aside(target, replace=True)
    assert aside is not None
    assert not target.running()
    assert (aside / "postgres" / "PG_VERSION").exists()
    assert not (target.data / "passwords.json").exists()
    assert restore_files(town.backup, town.key, target.data) == 1
    assert (target.data / "uploads" / "one.csv").read_text(encoding="utf-8") == "名称\n甲\n"
    (target.data / "uploads" / "one.csv").write_text("newer")
    assert restore_files(town.backup, town.key, target.data) == 0
    assert (target.data / "uploads" / "one.csv").read_text() == "newer"


def test_photos_come_back_those_of_the_backup_and_those_since(town: Town, tmp_path: Path) -> None:
    listed = town.backup.file(PHOTOS).read_text().split()
    assert len(listed) == 2
    assert restore_photos(town.backup, town.store, town.key, PhotoFiles(tmp_path)).count == 3
    for number in (1, 2, 3):
        sha256 = hashlib.sha256(small_photo(number).jpeg).hexdigest()
        assert PhotoFiles(tmp_path).find(sha256).read_bytes() == small_photo(number).jpeg
        assert PhotoFiles(tmp_path).find(sha256, small=True).read_bytes() == small_photo(number).thumbnail


# -- is it good -------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_trying_a_backup_restores_it_and_compares_every_table(town: Town) -> None:
    tried = try_backup(town.backup, town.key, town.store, quiet)
    rows = sum(state.rows for state in town.backup.manifest.tables.values())
    # The copy of the cluster is brought to the very position of the dump, so that every table is compared there too.
    assert [(one.title, one.rows, one.said, one.remark) for one in tried] == [
        ("导出", rows, [], ""), ("整个集群", rows, [], ""), ("照片", 2, [], ""),
    ]  # fmt: skip


@pytest.mark.parametrize("wrong", ["rows", "contents", "definitions", "a table"])
def test_comparing_finds_what_is_not_as_it_was(town: Town, back: Server, wrong: str) -> None:
    """The manifest is changed instead of the rows: whichever of them is wrong, they differ."""
    manifest = town.backup.manifest
    tables, catalogue = dict(manifest.tables), manifest.catalogue
    if wrong == "rows":
        tables["road"] = TableState(tables["road"].rows + 1, tables["road"].sums)
    elif wrong == "contents":
        tables["road"] = TableState(tables["road"].rows, "1 2")
    elif wrong == "a table":
        del tables["road"]
    else:
        catalogue = "0" * 64
    changed = Backup(town.backup.folder, replace(manifest, tables=tables, catalogue=catalogue))
    with owned(back) as conn:
        (said,) = compare(changed, conn)
    assert {"rows": "表 road:应有", "contents": "行的内容不同", "definitions": "结构与备份时不同",
            "a table": "表 road 多出来了"}[wrong] in said  # fmt: skip


def test_a_file_that_was_changed_or_is_for_another_key_is_not_restored(
    town: Town, place: Path, target: LocalCluster
) -> None:
    folder = place / "damaged"
    shutil.copytree(town.backup.folder, folder)
    held = bytearray((folder / DUMP).read_bytes())
    held[len(held) // 2] ^= 1
    (folder / DUMP).write_bytes(held)
    with pytest.raises(InputError, match=r"dump\.age 不见了或被改动过"):
        try_backup(read_backup(folder), town.key, town.store, quiet)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="坏了"):
        read_backup(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"没有 manifest\.json"):
        read_backup(folder)
    make_key(place / "other.txt")
    with pytest.raises(InputError, match="密钥不是做备份时的那一把"):
        restore_base(town.backup, read_key(place / "other.txt"), town.store, target, quiet)
    assert not target.cluster.exists()
    with pytest.raises(InputError, match="已经存在"):
        make_key(place / "other.txt")
    assert stat.S_IMODE((place / "other.txt").stat().st_mode) == 0o600
    (place / "empty.txt").write_text("# nothing\n")
    with pytest.raises(InputError, match="没有可用的密钥"):
        read_key(place / "empty.txt")
    with pytest.raises(InputError, match="age1"):
        recipient_of("ssh-rsa AAAA")


def test_nothing_that_leaves_the_machine_can_be_read_without_the_key(town: Town) -> None:
    names = [b"\xe5\xa4\x87\xe4\xbb\xbd\xe4\xbb\xa5\xe5\x90\x8e", COMMUNITY.encode(), b"gis_owner", b"one.csv"]
    sealed = list(town.store.folder.rglob("*.age"))
    assert len(sealed) >= 4
    for path in sealed:
        held = path.read_bytes()
        assert held.startswith(b"age-encryption.org/v1\n")
        assert not any(name in held for name in names)
    manifest = (town.backup.folder / "manifest.json").read_text(encoding="utf-8")
    assert "备份以后" not in manifest
    assert "one.csv" not in manifest
    with unsealed(town.backup.file(FILES), town.key) as stream:
        assert stream.read(2) == b"\x1f\x8b"


def test_the_backup_role_reads_everything_and_changes_nothing(town: Town) -> None:
    address = town.cluster.url("gis_backup").replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as conn:
        assert conn.execute("select count(*) from gis.building").fetchone() == (20,)
        for statement in ("delete from gis.building", "update gis.account set role = 'admin'",
                          "insert into gis.area values ('330482002077', 'x', 4549)"):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement.encode())


# -- keeping them -----------------------------------------------------------------------------------------------------


def test_old_backups_go_with_the_log_and_the_notes_that_only_they_needed(tmp_path: Path) -> None:
    store, now = Store(tmp_path / "store", days=30), datetime.now(UTC)
    with pytest.raises(NotFoundError, match="打不开"):
        store.backups()
    store.folder.mkdir()
    kept = []
    for days, begin in ((70, "0/1000028"), (40, "0/3000028"), (20, "0/5000028"), (1, "")):
        made = now - timedelta(days=days)
        manifest = Manifest(made, "0010", 15, "gis", "77", 1, "", begin, made if begin else None, {}, "")
        draft = store.begin()
        folder = draft.with_name(f"{made:%Y%m%dT%H%M%SZ}.part")
        draft.rename(folder)
        kept.append(store.finish(folder, manifest))
    (store.folder / "left.part").mkdir()
    log = store.log_of("77")
    log.mkdir(parents=True)
    for number in range(1, 8):
        segment = log / f"00000001000000000000000{number}.age"
        segment.touch()
        # What has come within the last day may be needed by a copy that isn't done yet.
        if number != 2:
            os.utime(segment, (0, 0))
    (log / "00000002.history.age").touch()
    store.erasures.mkdir()
    for days in (50, 10):
        (store.erasures / f"{now - timedelta(days=days):%Y%m%dT%H%M%SZ}-x.age").touch()
    assert store.expire() == 2
    assert [one.name for one in store.backups()] == [one.name for one in kept[2:]]
    left = sorted(path.name for path in log.glob("*.age"))
    assert left == [*(f"00000001000000000000000{number}.age" for number in (2, 5, 6, 7)), "00000002.history.age"]
    assert len(list(store.erasures.iterdir())) == 1
    store.begin()
    assert not (store.folder / "left.part").exists()
    # The newest one stays however old it is.
    assert Store(store.folder, days=1).expire() == 1
    assert Store(store.folder, days=0).expire() == 0


def test_segments_are_known_by_their_names() -> None:
    assert segment_end("000000010000000000000003") == 0x4000000
    assert segment_end("000000010000000A000000FF.age") == 0xB00000000
    assert segment_end("00000002.history") is None
    assert segment_end("000000010000000000000003".lower().replace("0", "g")) is None


def test_a_log_is_fetched_by_one_service_only(town: Town, place: Path) -> None:
    first = LogKeeper(town.server, Store(place / "log1"), town.key.to_public(), place / "spool1")
    second = LogKeeper(town.server, Store(place / "log2"), town.key.to_public(), place / "spool2")
    # What an earlier cluster left here is sealed away too, and then gone.
    (place / "spool1" / "123").mkdir(parents=True)
    (place / "spool1" / "123" / "000000010000000000000001").touch()
    first.start()
    try:
        first.start()
        first.keep()
        assert list((place / "spool1" / "123").iterdir()) == []
        assert [path.name for path in (place / "log1" / "wal" / "123").iterdir()] == ["000000010000000000000001.age"]
        with pytest.raises(UnavailableError, match="取数据库的日志时断了"):
            second.start()
    finally:
        first.stop()
    second.start()
    second.stop()


class _Alarms:
    """A program that writes down what it is told."""

    def __init__(self, folder: Path) -> None:
        self.said = folder / "said"
        self.program = folder / "alarm"
        self.program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >> {self.said}\n')
        self.program.chmod(0o755)

    def lines(self) -> list[str]:
        return self.said.read_text(encoding="utf-8").splitlines() if self.said.exists() else []


def test_a_failing_backup_is_told_once_an_hour(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_schedule, "_ROUND_SECONDS", 0.2)
    store = Store(tmp_path / "not mounted")
    keeper = LogKeeper(town.server, store, town.key.to_public(), tmp_path / "wal")
    alarms = _Alarms(tmp_path)
    PhotoFiles(tmp_path / "photos").keep(small_photo(1))
    photos = PhotoKeeper(PhotoFiles(tmp_path / "photos"), store, town.key.to_public())
    schedule = BackupSchedule(town.server, keeper, store, tmp_path, alarms.program, photos)
    assert schedule.age() is None
    schedule.start()
    deadline = time.monotonic() + 30
    while len(alarms.lines()) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    # Several rounds fail in the same way, of which nobody wants to hear each time.
    time.sleep(1)
    assert len(alarms.lines()) == 2
    assert all("共享目录是否挂上了" in line for line in alarms.lines())
    # Nothing was written where the share should be; once it is there, work begins by itself.
    assert not store.folder.exists()
    store.folder.mkdir()
    sought = ("wal/*/*.age", "photos/*/*.age")
    while not all(list(store.folder.glob(one)) for one in sought) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert list(store.folder.glob("photos/*/*.age"))
    # What came last is sealed at the end.
    PhotoFiles(tmp_path / "photos").keep(small_photo(2))
    assert (store.folder / "store.json").exists()
    assert list(store.folder.glob("wal/*/*.age"))
    schedule.stop()
    assert len(list(store.folder.glob("photos/*/*.age"))) == 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("backup")]


# -- the audit after a restore ----------------------------------------------------------------------------------------


def test_anchors_know_that_the_chains_were_restored(town: Town, back: Server, tmp_path: Path) -> None:
    anchors = Anchors(tmp_path / "anchors.jsonl")
    now, restored = open_engine(town.cluster.url("postgres")), open_engine(town.cluster.url("postgres", back.database))
    with now.begin() as conn:
        assert anchors.add(conn)
        assert verify(conn, anchors.read())[1] == []
    with restored.begin() as conn:
        assert any("锚定" in finding.said for finding in verify(conn, anchors.read())[1])
        (gone,) = anchors.restart(conn)
        assert gone.startswith(f"{COMMUNITY}:第 ")
        assert verify(conn, anchors.read())[1] == []
        assert anchors.add(conn) == 0
    # What is cut off after the restore is found as before.
    database = connect(town.cluster.url("gis_app", back.database))
    with database.write(STAFF) as conn:
        conn.execute(text("update gis.road set remark = 'y'"))
    database.close()
    with restored.begin() as conn:
        anchors.add(conn)
        conn.execute(text("delete from gis.audit where (area, position) = (select area, max(position) from gis.audit"
                          f" where area = '{COMMUNITY}' group by 1)"))  # fmt: skip
        conn.execute(text("update gis.audit_head h set position = a.position, digest = a.digest from gis.audit a"
                          " where a.area = h.area and a.position = h.position - 1"))  # fmt: skip
        assert any("锚定" in finding.said for finding in verify(conn, anchors.read())[1])
    now.dispose()
    restored.dispose()


def test_a_store_belongs_to_one_data_folder(tmp_path: Path) -> None:
    store, mine, other = Store(tmp_path / "store"), tmp_path / "mine", tmp_path / "other"
    with pytest.raises(UnavailableError, match="共享目录是否挂上了"):
        store.claim(mine)
    store.folder.mkdir()
    store.claim(mine)
    store.claim(mine)
    with pytest.raises(ConflictError, match="另一个数据目录的备份"):
        store.claim(other)
    # After a restore the other one goes on with it.
    store.claim(other, anew=True)
    store.claim(other)
    # What is there now isn't the folder that it was: the share isn't mounted.
    (store.folder / "store.json").unlink()
    with pytest.raises(UnavailableError, match="不是原来那一个"):
        store.claim(mine)
    (store.folder / "store.json").write_text('{"store": "x"}')
    with pytest.raises(ConflictError, match="不是原来的备份目录"):
        store.claim(mine)
    with store.locked(), pytest.raises(ConflictError, match="另一份备份正在做"), Store(store.folder).locked():
        pass
    damaged = store.folder / "20260101T000000Z"
    damaged.mkdir()
    assert (store.backups(), store.damaged()) == ([], ["20260101T000000Z"])


def test_gaps_in_the_log_are_seen() -> None:
    names = [f"0000000100000000000000{number:02X}" for number in (3, 4, 5, 7)]
    assert first_gap(names[:3], 0x3000028) is None
    assert first_gap(names, 0x3000028) == 0x6000000
    assert first_gap(names[1:3], 0x3000028) == 0x3000000
    assert first_gap([], 0x3000028) is None


def test_what_is_left_of_a_spool_makes_no_gap(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key.txt")
    spool, store = tmp_path / "wal", Store(tmp_path / "store")
    log = store.log_of("77")
    for folder in (spool / "77", log):
        folder.mkdir(parents=True)

    def leave(*names: str) -> list[str]:
        for name in names:
            (spool / "77" / name).write_bytes(b"log")
        seal_spool(spool, store, recipient_of(key), joined=True)
        return sorted(path.name[17:24] for path in log.glob("*.age"))

    name = "00000001000000000000000{}"
    # Of a store without any log nothing can be missing.
    assert leave(name.format(5)) == ["0000005"]
    # The seventh is lost.
    assert leave(name.format(6), name.format(8) + ".partial") == ["0000005", "0000006"]
    assert leave(name.format(7)) == ["0000005", "0000006", "0000007", "0000008"]
