"""Backup, restore and erasing from the command line: on a server elsewhere, and on the private cluster."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from api.app import create_app
from api.start import photo_files_of, prepare_local, read_settings
from gis_service.areas import create_area
from gis_service.database import Database, connect, open_engine
from gis_service.features.question import SHANGHAI
from gis_service.features.write import put_features
from gis_service.local_cluster import LocalCluster
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.api.conftest import Command, Ran
from tests.conftest import TEST_BOUNDARY, TEST_COMMUNITY
from tests.gis_service.example_rows import example_record, example_shape
from tests.gis_service.photo_samples import small_photo
from tests.local_client import local

STAFF = Scope("li", "staff", (TEST_COMMUNITY,))
NAME = "司马青衫"


@pytest.fixture
def place(command: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that the database's own user may pass through, with a key, and the settings that name it."""
    folder = Path(tempfile.mkdtemp(prefix="gis-t-", dir="/tmp"))
    folder.chmod(0o755)
    made = command("backup-key", "--out", folder / "key.txt")
    assert made.code == 0
    (folder / "store").mkdir()
    monkeypatch.setenv("GIS_BACKUPS", str(folder / "store"))
    monkeypatch.setenv("GIS_BACKUP_KEY", made.out.split()[-1])
    yield folder
    shutil.rmtree(folder)


def fill(database: Database) -> None:
    with database.write(STAFF) as conn:
        create_area(conn, TEST_COMMUNITY, "测试社区", TEST_BOUNDARY)
        for name in ("building", "parking", "rental_unit"):
            layer = LAYERS[name]
            rows = [(example_record(layer), example_shape(layer, 121.0, 30.7)) for _ in range(5)]
            put_features(conn, layer, TEST_COMMUNITY, rows)


def remark(database: Database, said: str, layer: str = "building") -> None:
    with database.write(STAFF) as conn:
        conn.execute(text(f"update gis.{layer} set remark = :v"), {"v": said})


def remarks(database: Database, layer: str = "building") -> set[str]:
    with database.read(STAFF) as conn:
        return set(conn.execute(text(f"select remark from gis.{layer}")).scalars())


def erased(command: Command, monkeypatch: pytest.MonkeyPatch, *options: object, values: str = NAME) -> Ran:
    # As a list from a Windows machine is.
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(f"{values}\r\n".encode("gb18030"))))
    return command("erase", "--reason", "本人要求", *options)


@pytest.mark.long
def test_on_a_server_elsewhere(
    command: Command, cluster: LocalCluster, database: Database, database_name: str, superuser: Engine, place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    fill(database)
    remark(database, f"找{NAME}")
    refused = command("backup")
    assert "GIS_DATABASE_BACKUP_URL" in refused.err
    monkeypatch.setenv("GIS_DATABASE_BACKUP_URL", cluster.url("gis_backup", database_name))
    assert (
        "还没有备份" in command("verify-backup", "--key-file", place / "key.txt").err
        or "打不开" in command("verify-backup", "--key-file", place / "key.txt").err
    )
    photos = photo_files_of(read_settings())
    kept, bad = photos.keep(small_photo(1)), photos.keep(small_photo(2))
    held = photos.find(bad).read_bytes()
    photos.find(bad).write_bytes(b"rotten")
    said = command("backup", "--dump-only", "--quiet")
    assert f"1 张照片的文件坏了({bad}.jpg" in said.err
    # A folder is named by the second.
    shutil.rmtree(next((place / "store").glob("2*Z")))
    photos.find(bad).write_bytes(held)
    made = command("backup", "--dump-only")
    assert made.code == 0, made.err
    assert "已备份" in made.out
    verified = command("verify-backup", "--key-file", place / "key.txt")
    assert "这份备份可以恢复" in verified.out
    assert "照片" in verified.out
    assert photos.remove(kept)
    # Looked for, nothing has changed yet; and its name is on no command line and in no answer.
    found = erased(command, monkeypatch)
    assert found.code == 0
    assert "楼栋" in found.out
    assert "--yes" in found.out
    assert NAME not in found.out
    assert remarks(database) == {f"找{NAME}"}
    done = erased(command, monkeypatch, "--yes", "--receipt", place / "receipt.json")
    assert done.code == 0, done.err
    assert remarks(database) == {"找■■"}
    receipt = json.loads((place / "receipt.json").read_text())
    assert receipt["values"] == ["司***"]
    assert {one["title"]: one["rows"] for one in receipt["found"]} == {"楼栋": 5, "楼栋(历史)": 5}
    assert "都没有" in erased(command, monkeypatch).out
    remark(database, "后来")
    assert "没有能恢复到" in command("restore", "--key-file", place / "key.txt", "--at", "2026-11-30 10:00").err
    assert "已经有数据" in command("restore", "--key-file", place / "key.txt").err
    (folder,) = (place / "store").glob("2*Z")
    assert "私有集群" in command("restore", folder, "--key-file", place / "key.txt", "--at", "2026-11-30 10:00").err
    back = command("restore", "--key-file", place / "key.txt", "--replace")
    assert back.code == 0, back.err
    assert "逐表相同" in back.out
    assert "再次删除了 1 批" in back.out
    assert "收回了 1 张照片" in back.out
    assert set(photos.hashes()) == {kept, bad}
    assert remarks(database) == {"找■■"}
    with superuser.connect() as conn:
        assert not conn.execute(
            text("select 1 from gis.building_history where remark like :v"), {"v": f"%{NAME}%"}
        ).first()
    assert command("audit", "verify").code == 0
    with TestClient(create_app(database), **local(database, TEST_COMMUNITY)) as client:
        features = client.get("/collections/building/items").json()["features"]
    assert [one["properties"]["remark"] for one in features] == ["找■■"] * 5


@pytest.mark.long
def test_on_the_private_cluster(command: Command, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIS_DATABASE_URL", "GIS_DATABASE_OWNER_URL"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIS_DATA_DIR", str(place / "data"))
    key = ("--key-file", place / "key.txt")
    cluster = LocalCluster(place / "data", fast=True)
    cluster.start()
    prepare_local(cluster)
    database = connect(cluster.url("gis_app"))
    fill(database)
    remark(database, f"找{NAME}", "rental_unit")
    (cluster.data / "uploads").mkdir()
    (cluster.data / "uploads" / "a.csv").write_text(f"房东\n{NAME}\n")
    assert command("backup").code == 0
    assert erased(command, monkeypatch, "--yes").code == 0
    assert not (cluster.data / "uploads" / "a.csv").exists()
    database.close()
    # Somewhere else first: the erased value comes back neither in the rows nor in the files.
    elsewhere = command("restore", *key, "--data", place / "other")
    assert elsewhere.code == 0, elsewhere.err
    assert "再次删除了 1 批" in elsewhere.out
    assert list((place / "other" / "uploads").iterdir()) == []
    other = LocalCluster(place / "other")
    other.start()
    found = connect(other.url("gis_app"))
    assert remarks(found, "rental_unit") == {"找■■"}
    found.close()
    superuser = open_engine(other.url("postgres"))
    with superuser.begin() as conn:
        conn.execute(text("checkpoint"))
    superuser.dispose()
    held = [path for path in other.cluster.rglob("*") if path.is_file() and NAME.encode() in path.read_bytes()]
    assert held == []
    other.stop()
    # In its place: refused, refused for moments out of reach with everything as it was, and then brought back.
    assert "已经有数据" in command("restore", *key).err
    tomorrow = f"{datetime.now(SHANGHAI) + timedelta(days=1):%Y-%m-%d %H:%M}"
    late = command("restore", *key, "--replace", "--at", tomorrow)
    assert "日志还没有到" in late.err
    assert "2026" in command("restore", *key, "--replace", "--at", "昨天").err
    cluster.start()
    database = connect(cluster.url("gis_app"))
    assert remarks(database, "rental_unit") == {"找■■"}
    database.close()
    back = command("restore", *key, "--replace", "--dump")
    assert back.code == 0, back.err
    assert "原来的数据在" in back.out
    (aside,) = (place / "data").glob("before-*")
    assert (aside / "postgres" / "PG_VERSION").exists()
    assert command("audit", "verify").code == 0
    cluster.stop()
