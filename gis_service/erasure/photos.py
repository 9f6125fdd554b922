"""Photos that someone wants gone: their rows, their files here, and the copies in all backups."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from gis_service.backups.photos import forget_photos
from gis_service.database import explained
from gis_service.erasure.erase import Found, note_erasure
from gis_service.erasure.note import Note
from gis_service.errors import NotFoundError
from gis_service.photos.files import PhotoFiles

_TITLE = "照片(整份删除)"


@dataclass(frozen=True)
class Named:
    """A photo of a case: its identifier, the case's name, when it was added, and the hash of its file."""

    photo: uuid.UUID
    case: str
    added_at: datetime
    sha256: str


_NAMED = text(
    "select p.id, p.community || '.' || coalesce(h.code, p.case_id::text) as case_name, p.added_at, p.sha256"
    " from gis.case_photo p left join gis.hazard h on h.community = p.community and h.id = p.case_id"
    " where p.sha256 in (select q.sha256 from gis.case_photo q left join gis.hazard g on g.community = q.community"
    "  and g.id = q.case_id where q.id::text = lower(:name) or q.community || '.' || q.case_id = lower(:name)"
    "  or q.community || '.' || g.code = :name) order by case_name, p.added_at, p.id"
)


def find_photos(engine: Engine, name: str) -> list[Named]:
    """Return the photos of a name: of one photo, or of a case by its community, a dot, and its identifier or code.

    The same picture in another case is among them: erased, it is gone there too.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    with explained(), engine.connect() as conn:
        found = [Named(*row) for row in conn.execute(_NAMED, {"name": name.strip()})]
    if not found:
        raise NotFoundError(
            f"没有照片或案件 {name[:80]!r},或案件没有照片;请写照片的标识,或 社区代码.案件编码。",
            "There is no such photo or case with photos.",
        )
    return found


def erase_named(
    engine: Engine, files: PhotoFiles, named: Sequence[Named], number: str, reason: str, note: Note | None
) -> Found:  # fmt: skip
    """Delete photos with everything that knows them: files, copies in backups, and at last their rows.

    The note for later restores is written first: the dump of a restored backup would bring the rows back.

    Raises
    ------
    UnavailableError
        When the folder of backups can't be written: the rows are still there, so that it can be done again.
    """
    hashes = sorted({one.sha256 for one in named})
    written = note.write(number, datetime.now(UTC), reason, photos=hashes) if note else None
    try:
        erase_photos(files, hashes, note)
        found = erase_rows(engine, hashes, number)
    except BaseException:
        # It is done again under another number; a note of what the audit never heard of would hit later photos.
        if written is not None:
            written.unlink(missing_ok=True)
        raise
    return replace(found, shown=tuple(f"{one.case} {one.photo}" for one in named))


def erase_rows(engine: Engine, hashes: Sequence[str], number: str) -> Found:
    """Delete the rows of photos and note it for the audit; return how many there were."""
    with explained(), engine.begin() as conn:
        rows = _delete_rows(conn, hashes)
        note_erasure(conn, number, rows)
    return Found(_TITLE, rows)


def _delete_rows(conn: Connection, hashes: Sequence[str]) -> int:
    conn.execute(text("select set_config('gis.actor', 'operator', true), set_config('gis.role', 'operator', true)"))
    return conn.execute(
        text("delete from gis.case_photo where sha256 = any(:hashes)"), {"hashes": list(hashes)}
    ).rowcount


def erase_photos(files: PhotoFiles, hashes: Collection[str], note: Note | None) -> Found:
    """Delete photos by their hashes, here and then in the backups; return how many there were here.

    Parameters
    ----------
    note
        Where backups lie; None where none are made. Copies sealed to an earlier key go with the backups of their time.

    Raises
    ------
    UnavailableError
        When the folder of backups can't be written: they are gone here, and it must be done again.
    """
    count = sum(files.remove(sha256) for sha256 in hashes)
    if note is not None:
        forget_photos(note.store, note.recipient, hashes)
    return Found(_TITLE, count)
