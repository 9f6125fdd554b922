"""Photos that were erased don't come back with a database from before: their rows go again, and nobody else's."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from gis_service.areas import create_area
from gis_service.backups.photos import PhotoKeeper
from gis_service.backups.sealing import Key, read_sealed, seal
from gis_service.backups.store import Store
from gis_service.database import connect, open_engine
from gis_service.erasure.note import Note
from gis_service.erasure.photos import erase_named, find_photos
from gis_service.erasure.receipt import Grounds
from gis_service.erasure.repeat import repeat
from gis_service.errors import UnavailableError
from gis_service.local_cluster import LocalCluster
from gis_service.people.audit import Anchors, verify
from gis_service.photos.files import PhotoFiles
from gis_service.scope import Scope
from tests.conftest import TEST_BOUNDARY, TEST_COMMUNITY
from tests.gis_service.photo_samples import small_photo
from tests.gis_service.test_photo_backups import files, key, store

STAFF = Scope("li", "staff", (TEST_COMMUNITY,))


__all__ = ["files", "key", "store"]


def name_photos(url: str, *hashes: str, area: bool = False) -> None:
    """Write one case whose photos these are."""
    database, case = connect(url), uuid.uuid4()
    with database.write(STAFF) as conn:
        if area:
            create_area(conn, TEST_COMMUNITY, "测试社区", TEST_BOUNDARY)
        conn.execute(
            text(
                "insert into gis.hazard (community, id, code, source, event_code, geom)"
                " values (:area, :id, :code, 'reported', '05-05', st_setsrid(st_point(121, 30.7), 4490))"
            ),
            {"area": TEST_COMMUNITY, "id": case, "code": case.hex[:8]},
        )
        conn.execute(
            text(
                "insert into gis.case_photo (community, id, case_id, stage, sha256, width, height, bytes)"
                " select :area, gen_random_uuid(), :case, 'before', x, 32, 24, 100"
                " from unnest(cast(:hashes as text[])) x"
            ),
            {"area": TEST_COMMUNITY, "case": case, "hashes": list(hashes)},
        )
    database.close()


@contextmanager
def grounds(cluster: LocalCluster, name: str, folder: Path) -> Iterator[Grounds]:
    owner = open_engine(cluster.url("gis_owner", name))
    yield Grounds(owner, None, [], [], Anchors(folder / f"{name}.jsonl"))
    owner.dispose()


def named(where: Grounds) -> set[str]:
    with where.owner.connect() as conn:
        assert verify(conn, where.anchors.read())[1] == []
        return set(conn.execute(text("select sha256 from gis.case_photo")).scalars())


def _photo(where: Grounds, sha256: str) -> str:
    with where.owner.connect() as conn:
        asked = text("select id::text from gis.case_photo where sha256 = :sha256 limit 1")
        return str(conn.execute(asked, {"sha256": sha256}).scalar_one())


def quiet(_: str) -> None:
    pass


def test_an_erased_photo_is_erased_again_from_a_database_of_before(
    tmp_path: Path, cluster: LocalCluster, make_database: Callable[..., str], store: Store, files: PhotoFiles, key: Key
) -> None:
    wanted, other = files.keep(small_photo(1)), files.keep(small_photo(2))
    now = make_database()
    name_photos(cluster.url("gis_app", now), wanted, other, area=True)
    name_photos(cluster.url("gis_app", now), wanted)
    before = make_database(now)
    keeper, note = PhotoKeeper(files, store, key.to_public()), Note(store, key.to_public())
    keeper.keep()
    with grounds(cluster, now, tmp_path) as here, grounds(cluster, before, tmp_path) as restored:
        found = find_photos(here.owner, _photo(here, wanted))
        assert erase_named(here.owner, files, found, "r1", "本人要求", note).rows == 2
        assert named(here) == {other}
        (sealed,) = store.erasures.iterdir()
        assert wanted.encode() not in sealed.read_bytes()
        assert json.loads(read_sealed(sealed, key))["photos"] == [wanted]
        # Sent again it is a photo like any other, whose copy would come back from the backups.
        assert files.keep(small_photo(1)) == wanted
        keeper.keep()
        assert named(restored) == {wanted, other}
        (again,), failed = repeat(restored, files, store, key, quiet)
        assert (again.number, again.reason, [one.rows for one in again.found], failed) == ("r1", "本人要求", [2], [])
        assert named(restored) == {other}
        assert set(files.hashes()) == {other}
        # The audit says so by now: another time nothing is left to do, there or where it was erased at first.
        files.keep(small_photo(1))
        for place, name in ((restored, before), (here, now)):
            name_photos(cluster.url("gis_app", name), wanted)
            assert repeat(place, files, store, key, quiet) == ([], [])
            assert named(place) == {wanted, other}
        assert set(files.hashes()) == {wanted, other}


def test_what_could_not_be_erased_leaves_no_note(
    tmp_path: Path, cluster: LocalCluster, make_database: Callable[..., str], store: Store, files: PhotoFiles, key: Key
) -> None:
    wanted = files.keep(small_photo(1))
    now = make_database()
    name_photos(cluster.url("gis_app", now), wanted, area=True)
    with grounds(cluster, now, tmp_path) as here:
        found = find_photos(here.owner, _photo(here, wanted))
        (store.folder / "erasures").touch()
        with pytest.raises(UnavailableError, match="没有删除"):
            erase_named(here.owner, files, found, "r1", "本人要求", Note(store, key.to_public()))
        assert files.has(wanted)
        (store.folder / "erasures").unlink()
        # The share goes after the note was written: it is done again, under another number.
        (store.folder / "store.json").rename(tmp_path / "store.json")
        with pytest.raises(UnavailableError, match="再删一次"):
            erase_named(here.owner, files, found, "r2", "本人要求", Note(store, key.to_public()))
        assert list(store.erasures.iterdir()) == []
        assert named(here) == {wanted}


@pytest.mark.parametrize("held", [b"[]", b"{", b'{"number": "1", "reason": "x", "values": null}', b"{}"])
def test_a_note_that_is_none_is_told(
    tmp_path: Path, cluster: LocalCluster, make_database: Callable[..., str], store: Store, files: PhotoFiles,
    key: Key, held: bytes,
) -> None:  # fmt: skip
    store.erasures.mkdir()
    with (tmp_path / "said").open("w+b") as source:
        source.write(held)
        source.seek(0)
        seal(source, store.erasures / "20260101T000000Z-1.age", key.to_public())
    with grounds(cluster, make_database(), tmp_path) as here:
        receipts, (failed,) = repeat(here, files, store, key, quiet)
    assert receipts == []
    assert failed.startswith("20260101T000000Z-1.age:")
