"""A photo that was erased, and a backup from before it that is restored: the case doesn't list it again."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from api.app import create_app
from api.start import photo_files_of, read_settings
from gis_service.areas import create_area
from gis_service.database import Database
from gis_service.local_cluster import LocalCluster
from tests.api.conftest import Command
from tests.api.test_backup_commands import STAFF, place
from tests.conftest import TEST_BOUNDARY, TEST_COMMUNITY
from tests.gis_service.photo_samples import small_photo
from tests.local_client import local

__all__ = ["place"]


def test_an_erased_photo_stays_erased(
    command: Command, cluster: LocalCluster, database: Database, database_name: str, superuser: Engine, place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("GIS_DATABASE_BACKUP_URL", cluster.url("gis_backup", database_name))
    photos = photo_files_of(read_settings())
    with database.write(STAFF) as conn:
        create_area(conn, TEST_COMMUNITY, "测试社区", TEST_BOUNDARY)
    with TestClient(create_app(database, photos=photos), **local(database, TEST_COMMUNITY)) as client:
        filed = client.post("/cases", json={"id": str(uuid.uuid4()), "event_code": "X-FS01", "lon": 121, "lat": 30.7})
        assert filed.status_code == 201, filed.text
        case = filed.json()["id"]
        sent = []
        for number in range(3):
            answer = client.post(
                f"/photos?case={case}", content=small_photo(number).jpeg, headers={"Content-Type": "image/jpeg"}
            )
            assert answer.status_code == 201, answer.text
            sent.append(answer.json()["id"])
    assert command("backup", "--dump-only", "--quiet").code == 0
    erased = command("erase", "--photo", sent[1], "--reason", "本人要求", "--yes")
    assert erased.code == 0, erased.err
    back = command("restore", "--key-file", place / "key.txt", "--replace")
    assert back.code == 0, (back.out, back.err)
    assert "再次删除了 1 批个人信息和照片" in back.out
    with TestClient(create_app(database, photos=photos), **local(database, TEST_COMMUNITY)) as client:
        listed = client.get(f"/cases/{case}").json()["photos"]
        assert [one["id"] for one in listed] == [sent[0], sent[2]]
        assert {client.get(f"/cases/{case}/photos/{one['id']}").status_code for one in listed} == {200}
    assert len(set(photos.hashes())) == 2
    with superuser.connect() as conn:
        assert conn.execute(text("select count(*) from gis.case_photo")).scalar_one() == 2
    assert command("audit", "verify").code == 0
