"""Photos of cases: what cameras write is gone, they are seen by scope, and what no row names goes."""

from __future__ import annotations

import io
import uuid
from pathlib import Path

from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import text

from gis_service.cases.photos import photo_hashes
from gis_service.database import Database
from gis_service.photos.files import PhotoFiles
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from tests.api.case_requests import Place, filed
from tests.gis_service.photo_samples import GPS, MAKER, exif, saved
from tests.local_client import beside

RED = Image.new("RGB", (640, 480), (200, 30, 30))


def test_photos_lose_what_the_camera_wrote_and_are_seen_by_scope(
    copied: Database, committee: TestClient, place: Place, photos: PhotoFiles
) -> None:
    case, identifier = filed(committee, place), str(uuid.uuid4())
    sent = {"content": saved(RED, "JPEG", exif=exif()), "headers": {"Content-Type": "image/jpeg"}}
    address = f"/photos?case={case['id']}&stage=before&id={identifier}"
    first, again = committee.post(address, **sent), committee.post(address, **sent)
    assert (first.status_code, again.status_code) == (201, 201), first.text
    shown = committee.get(f"/cases/{case['id']}").json()["photos"]
    assert [(one["id"], one["stage_title"]) for one in shown] == [(identifier, "处置前")]
    got = committee.get(f"/cases/{case['id']}/photos/{identifier}")
    assert got.headers["content-type"] == "image/jpeg"
    assert not Image.open(io.BytesIO(got.content)).getexif()
    for secret in (MAKER, GPS):
        assert secret.encode() in sent["content"]
        assert secret.encode() not in got.content
    small = committee.get(f"/cases/{case['id']}/photos/{identifier}?small=true")
    assert max(Image.open(io.BytesIO(small.content)).size) <= 320
    other = beside(committee, copied, place.next_grid, role="grid_worker", name="stranger")
    assert other.get(f"/cases/{case['id']}/photos/{identifier}").status_code == 404
    assert other.post(f"/photos?case={case['id']}", **sent).status_code == 404
    assert committee.post(f"/photos?case={case['id']}", content=b"<svg/>", headers=sent["headers"]).status_code == 400
    assert list(Path(photos.folder).rglob("*.part")) == []


def test_photos_of_deleted_cases_stay_and_what_no_row_names_goes(
    committee: TestClient, place: Place, photos: PhotoFiles, copied: Database
) -> None:
    case, identifier = filed(committee, place, event_code="05-11"), str(uuid.uuid4())
    blue = saved(Image.new("RGB", (640, 480), (9, 9, 200)), "JPEG")
    sent = {"content": blue, "headers": {"Content-Type": "image/jpeg"}}
    assert committee.post(f"/photos?case={case['id']}&id={identifier}", **sent).status_code == 201
    refused = committee.delete(f"/collections/hazard/items/{case['id']}")
    assert (refused.status_code, "办理经过" in refused.json()["detail"]) == (409, True)
    with copied.write(Scope("operator", "operator", (COMMUNITY,))) as conn:
        conn.execute(text("delete from gis.hazard where id = :id"), {"id": case["id"].partition(".")[2]})
    orphan = photos.put(b"\xff\xd8 nobody's", b"small")
    with copied.read(Scope("operator", "operator", ())) as conn:
        known = photo_hashes(conn)
    with copied.read(Scope("test", "staff", (COMMUNITY,))) as conn:
        assert photo_hashes(conn) == frozenset()
    before = set(photos.hashes())
    assert photos.sweep(known) == 0
    assert photos.sweep(known, older_than_s=-1) == 2
    assert before - set(photos.hashes()) == {orphan}
