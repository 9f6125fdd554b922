"""The names of cases whose photos are listed for erasing: free text, printed as it is and never read as markup."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from sqlalchemy import text

from gis_service.database import Database
from gis_service.photos.files import PhotoFiles
from gis_service.scope import Scope
from tests.api.conftest import Command
from tests.api.test_erase_photos import jpeg, photos

__all__ = ["photos"]


@pytest.mark.parametrize("code", ["[/a]", "[red]1", "x[/]", "[link=http://example.org]y"])
def test_a_case_is_listed_by_its_very_code(
    command: Command, database: Database, area: str, staff: Scope, photos: PhotoFiles, code: str, tmp_path: Path
) -> None:
    case, taken = uuid.uuid4(), uuid.uuid4()
    with database.write(staff) as conn:
        conn.execute(
            text(
                "insert into gis.hazard (community, id, code, source, event_code, geom)"
                " values (:area, :id, :code, 'reported', '05-05', st_setsrid(st_point(121, 30.7), 4490))"
            ),
            {"area": area, "id": case, "code": code},
        )
        conn.execute(
            text(
                "insert into gis.case_photo (community, id, case_id, stage, sha256, width, height, bytes)"
                " values (:area, :id, :case, 'before', :sha256, 32, 24, 100)"
            ),
            {"area": area, "id": taken, "case": case, "sha256": photos.put(jpeg((1, 2, len(code))), b"small")},
        )
    listed = command("erase", "--photo", taken, "--reason", "本人要求")
    assert (listed.code, listed.err) == (0, "")
    assert f"{area}.{code}" in listed.out
    assert str(taken) in listed.out
    receipt = tmp_path / "receipt.json"
    done = command("erase", "--photo", f"{area}.{code}", "--reason", "本人要求", "--yes", "--receipt", receipt)
    assert (done.code, done.err) == (0, "")
    assert f"{area}.{code} {taken}" in receipt.read_text(encoding="utf-8")
