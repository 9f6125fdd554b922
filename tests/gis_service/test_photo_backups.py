"""Photos in backups: each sealed once, brought back, missed when it is lost, and gone from all of them when erased."""

from __future__ import annotations

import hashlib
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gis_service.backups.photos import (
    PHOTOS,
    PhotoKeeper,
    expire_photos,
    restore_photos,
    try_photos,
    write_list,
)
from gis_service.backups.sealing import Key, make_key, read_key, seal
from gis_service.backups.store import Backup, Manifest, Store
from gis_service.digest import sha256_of
from gis_service.erasure.note import Note
from gis_service.erasure.photos import erase_photos
from gis_service.errors import InputError, UnavailableError
from gis_service.photos.files import PhotoFiles
from tests.gis_service.photo_samples import small_photo


@pytest.fixture
def key(tmp_path: Path) -> Key:
    make_key(tmp_path / "key.txt")
    return read_key(tmp_path / "key.txt")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    made.folder.mkdir()
    made.claim(tmp_path / "data")
    return made


@pytest.fixture
def files(tmp_path: Path) -> PhotoFiles:
    return PhotoFiles(tmp_path / "data" / "photos")


def backup_of(store: Store, names: list[str], *, days: int = 0) -> Backup:
    """Make a backup that holds nothing but the list of photos, some days ago."""
    made_at = datetime.now(UTC) - timedelta(days=days)
    draft = store.begin()
    draft = draft.rename(draft.with_name(f"{made_at:%Y%m%dT%H%M%SZ}.part"))
    digests = {PHOTOS: sha256_of(write_list(draft, names))} if names else {}
    return store.finish(draft, Manifest(made_at, "0001", 15, "gis", "77", 1, "", "", None, {}, "", digests))


def sealed(store: Store) -> list[Path]:
    return sorted((store.folder / "photos").rglob("*.age"))


def age(paths: list[Path], days: float) -> None:
    for path in paths:
        os.utime(path, (time.time() - days * 86_400,) * 2)


def held(files: PhotoFiles) -> dict[str, tuple[bytes, bytes]]:
    return {one: (files.find(one).read_bytes(), files.find(one, small=True).read_bytes()) for one in files.hashes()}


def test_photos_are_sealed_once_and_come_back(tmp_path: Path, store: Store, files: PhotoFiles, key: Key) -> None:
    keeper = PhotoKeeper(files, store, key.to_public())
    assert keeper.keep() == []
    assert sealed(store) == []
    hashes = [files.keep(small_photo(number)) for number in range(5)]
    names = keeper.keep()
    backup = backup_of(store, names)
    paths = sealed(store)
    assert [path.stem for path in paths] == names
    # Neither a name nor the content tells which photo it is.
    for path in [*paths, backup.folder / PHOTOS]:
        told = path.read_bytes()
        assert not any(one[:16].encode() in told or one in path.name for one in hashes)
    assert all(path.read_bytes().startswith(b"age-encryption.org/v1\n") for path in paths)
    # Another time only what is new is sealed, by whomever.
    before = {path: path.stat().st_mtime_ns for path in paths}
    new = files.keep(small_photo(5))
    assert len(PhotoKeeper(files, store, key.to_public()).keep()) == len(keeper.keep()) == 6
    assert {path: path.stat().st_mtime_ns for path in sealed(store) if path in before} == before
    assert len(sealed(store)) == 6
    # One that the share has cut off is sealed again.
    paths[0].write_bytes(b"age")
    PhotoKeeper(files, store, key.to_public()).keep()
    assert try_photos(backup, store, key).count == 5
    # Brought back: those of the backup, and what came after it, since a later moment may name it.
    other = PhotoFiles(tmp_path / "other")
    back = restore_photos(backup, store, key, other)
    assert (back.count, back.said) == (6, [])
    assert held(other) == held(files)
    assert new in held(other)
    assert restore_photos(backup, store, key, other).count == 0


def test_photos_that_are_lost_or_foreign_are_told(tmp_path: Path, store: Store, files: PhotoFiles, key: Key) -> None:
    for number in range(4):
        files.keep(small_photo(number))
    backup = backup_of(store, PhotoKeeper(files, store, key.to_public()).keep())
    first, second, third, _ = sealed(store)
    first.unlink()
    damaged = bytearray(second.read_bytes())
    damaged[-1] ^= 1
    second.write_bytes(damaged)
    # Whoever can write there, and knows the public key, seals another photo, or no photo, in a photo's place.
    foreign = small_photo(99).jpeg
    with (tmp_path / "foreign").open("w+b") as source:
        source.write(len(foreign).to_bytes(4) + foreign + foreign)
        source.seek(0)
        seal(source, third, key.to_public())
    opened = try_photos(backup, store, key)
    assert (opened.count, opened.lost) == (1, [first.stem, second.stem, third.stem])
    other = PhotoFiles(tmp_path / "other")
    back = restore_photos(backup, store, key, other)
    assert (back.count, len(list(other.hashes()))) == (1, 1)
    assert "3 张照片不在备份目录里" in back.said[0]
    assert first.stem in back.said[0]
    # With another key nothing opens, and a list that was changed isn't followed.
    make_key(tmp_path / "other.txt")
    assert len(restore_photos(backup, store, read_key(tmp_path / "other.txt"), other).lost) == 4
    (backup.folder / PHOTOS).write_text("")
    with pytest.raises(InputError, match=r"photos\.txt 不见了或被改动过"):
        restore_photos(backup, store, key, other)


def test_a_thumbnail_that_is_no_picture_does_not_come_back(tmp_path: Path, store: Store, key: Key) -> None:
    files = PhotoFiles(tmp_path / "data" / "photos")
    files.put(small_photo(1).jpeg, b"<html><script>alert(1)</script></html>")
    backup = backup_of(store, PhotoKeeper(files, store, key.to_public()).keep())
    assert (try_photos(backup, store, key).count, len(try_photos(backup, store, key).lost)) == (0, 1)


def test_a_file_that_has_rotted_is_told_and_not_sealed(store: Store, files: PhotoFiles, key: Key) -> None:
    good, bad = files.keep(small_photo(1)), files.keep(small_photo(2))
    files.find(bad).write_bytes(b"\0" * 100)
    keeper = PhotoKeeper(files, store, key.to_public())
    names = keeper.keep()
    assert keeper.damaged == {bad}
    assert len(sealed(store)) == 1
    # The backup lists it, so that it is missed: rows name it.
    assert len(names) == 2
    assert len(try_photos(backup_of(store, names), store, key).lost) == 1
    assert good in set(files.hashes())


def test_sealing_stops_when_its_time_is_over_and_goes_on(store: Store, files: PhotoFiles, key: Key) -> None:
    for number in range(3):
        files.keep(small_photo(number))
    keeper = PhotoKeeper(files, store, key.to_public())
    assert keeper.keep(seconds=-1.0) == []
    assert sealed(store) == []
    assert len(keeper.keep(seconds=60)) == 3


def test_sealed_photos_stay_as_long_as_a_backup_may_need_them(store: Store, files: PhotoFiles, key: Key) -> None:
    for number in range(4):
        files.keep(small_photo(number))
    names = PhotoKeeper(files, store, key.to_public()).keep()
    assert expire_photos(store) == 0
    # The oldest backup lists the first; the second was sealed before it and is in no list, the third after it.
    backup_of(store, names[:1], days=20)
    newest = backup_of(store, names[3:])
    paths = {path.stem: path for path in sealed(store)}
    age([paths[names[0]], paths[names[1]], paths[names[3]]], 40)
    age([paths[names[2]]], 15)
    left = paths[names[0]].with_suffix(".4711")
    left.touch()
    age([left], 40)
    (store.folder / "20260101T000000Z").mkdir()
    assert expire_photos(store) == 0
    (store.folder / "20260101T000000Z").rmdir()
    listed = (newest.folder / PHOTOS).read_text()
    (newest.folder / PHOTOS).write_text("")
    assert expire_photos(store) == 0
    (newest.folder / PHOTOS).write_text(listed)
    assert expire_photos(store) == 2
    assert [path.stem for path in sealed(store)] == [names[0], names[2], names[3]]
    assert not left.exists()


def test_what_is_erased_is_gone_from_all_backups(tmp_path: Path, store: Store, files: PhotoFiles, key: Key) -> None:
    wanted, other = files.keep(small_photo(1)), files.keep(small_photo(2))
    keeper, note = PhotoKeeper(files, store, key.to_public()), Note(store, key.to_public())
    backup = backup_of(store, keeper.keep())
    assert erase_photos(files, [wanted], note).rows == 1
    assert set(files.hashes()) == {other}
    assert len(sealed(store)) == 1
    # Nobody misses it, and nothing brings it back.
    assert try_photos(backup, store, key).said == []
    back = restore_photos(backup, store, key, PhotoFiles(tmp_path / "back"))
    assert (back.count, back.said) == (1, [])
    assert set(PhotoFiles(tmp_path / "back").hashes()) == {other}
    assert erase_photos(files, [wanted], note).rows == 0
    # Taken again it is a photo like any other, also for a keeper that had sealed it before.
    assert files.keep(small_photo(1)) == wanted == hashlib.sha256(small_photo(1).jpeg).hexdigest()
    assert len(keeper.keep()) == 2
    assert try_photos(backup, store, key).count == 2
    # A share that isn't mounted is an empty folder: what can't be deleted there isn't said to be.
    (store.folder / "store.json").unlink()
    with pytest.raises(UnavailableError, match="备份里的照片还没有删"):
        erase_photos(files, [wanted], note)
    assert erase_photos(files, [wanted], None).rows == 0
