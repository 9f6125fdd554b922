"""A photo that somebody wants gone: listed first, then gone from rows, folder and backups, and the audit says so."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Engine, text

from gis_service.backups.photos import PhotoKeeper
from gis_service.backups.sealing import Recipient, make_key, read_key
from gis_service.backups.store import Store
from gis_service.database import Database
from gis_service.photos.files import PhotoFiles
from gis_service.scope import Scope
from tests.gis_service.photo_samples import saved

SEEN = "select p.id from gis.case_photo p order by p.added_at, p.id"


def jpeg(colour: tuple[int, int, int]) -> bytes:
    return saved(Image.new("RGB", (32, 24), colour), "JPEG")


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PhotoFiles:
    """The folder of photos that commands use."""
    monkeypatch.setenv("GIS_DATA_DIR", str(tmp_path / "data"))
    return PhotoFiles(tmp_path / "data" / "photos")


@pytest.fixture
def sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Store, Recipient]:
    """A folder of backups."""
    public = make_key(tmp_path / "key.txt")
    recipient = read_key(tmp_path / "key.txt").to_public()
    folder = tmp_path / "backups"
    folder.mkdir()
    monkeypatch.setenv("GIS_BACKUPS", str(folder))
    monkeypatch.setenv("GIS_BACKUP_KEY", public)
    return Store(folder), recipient


def test_a_photo_is_erased_everywhere(
    command: Callable[..., Any], database: Database, area: str, staff: Scope, superuser: Engine, photos: PhotoFiles,
    sealed: tuple[Store, Recipient], tmp_path: Path,
) -> None:  # fmt: skip
    mine, others = (photos.put(jpeg(colour), b"small") for colour in ((200, 0, 0), (0, 200, 0)))
    cases = {code: uuid.uuid4() for code in ("A1", "B1")}
    taken = {name: uuid.uuid4() for name in ("mine", "again", "other")}
    with database.write(staff) as conn:
        for code, case in cases.items():
            conn.execute(
                text(
                    "insert into gis.hazard (community, id, code, source, event_code, geom)"
                    " values (:area, :id, :code, 'reported', '05-05', st_setsrid(st_point(121, 30.7), 4490))"
                ),
                {"area": area, "id": case, "code": code},
            )
        # The same picture stands in both cases.
        for name, code, sha256 in (("mine", "A1", mine), ("again", "B1", mine), ("other", "B1", others)):
            conn.execute(
                text(
                    "insert into gis.case_photo (community, id, case_id, stage, sha256, width, height, bytes)"
                    " values (:area, :id, :case, 'before', :sha256, 32, 24, 100)"
                ),
                {"area": area, "id": taken[name], "case": cases[code], "sha256": sha256},
            )
    store, recipient = sealed
    PhotoKeeper(photos, store, recipient).keep()
    before = set((store.folder / "photos").rglob("*.age"))

    listed = command("erase", "--photo", taken["mine"], "--reason", "本人要求")
    assert listed.code == 0, listed.err
    assert "以上 2 张" in listed.out
    assert f"{area}.A1" in listed.out
    assert photos.has(mine)

    receipt = tmp_path / "receipt.json"
    done = command("erase", "--photo", f"{area}.A1", "--reason", "本人要求", "--yes", "--receipt", receipt)
    assert done.code == 0, done.err
    assert "已删除 2 张照片" in done.out
    assert (photos.has(mine), photos.has(others)) == (False, True)
    assert len(before - set((store.folder / "photos").rglob("*.age"))) == 1
    with superuser.connect() as conn:
        assert conn.execute(text(SEEN)).scalars().all() == [taken["other"]]
        entries = conn.execute(text("select entries from gis.audit order by at")).scalars().all()
    said = [entry for link in entries for entry in link]
    assert ("case_photo", "delete") in {(one["subject"], one["operation"]) for one in said}
    number = json.loads(receipt.read_bytes())["number"]
    assert f"回执 {number}" in {one["detail"] for one in said if one["subject"] == "erasure"}

    for wanted in (taken["mine"], f"{area}.A1", "nothing", f"{area}.none"):
        gone = command("erase", "--photo", wanted, "--reason", "本人要求", "--yes")
        assert (gone.code, "没有照片" in gone.err) == (1, True), wanted
