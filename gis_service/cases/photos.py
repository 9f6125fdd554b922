"""Photos of cases: which there are, and adding one; the files lie beside the database under their hashes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, ProgrammingError

from gis_service.case_tables import CASE_PHOTO
from gis_service.cases.case import Case
from gis_service.cases.steps import missing_case
from gis_service.errors import ConflictError, InputError, NotFoundError

STAGES = {"before": "处置前", "after": "处置后"}
MOST = 30
"""Photos that a case can have."""


@dataclass(frozen=True)
class Kept:
    """A photo whose file is kept: its hash, its size, and when it was taken."""

    sha256: str
    width: int
    height: int
    bytes: int
    taken_at: datetime | None


def add_photo(conn: Connection, case: Case, identifier: uuid.UUID, stage: str, kept: Kept) -> None:
    """Add a photo to a case; the same identifier again changes nothing.

    Raises
    ------
    InputError
        When the case has all the photos that it can have.
    ConflictError
        When the identifier stands for another photo.
    NotFoundError
        When the case isn't the asker's.
    """
    same = (CASE_PHOTO.c.community == case.community, CASE_PHOTO.c.id == identifier)
    before = conn.execute(select(CASE_PHOTO.c.case_id).where(*same)).scalar()
    if before == case.id:
        return
    mine = select(func.count()).where(CASE_PHOTO.c.community == case.community, CASE_PHOTO.c.case_id == case.id)
    if conn.execute(mine).scalar_one() >= MOST:
        raise InputError(f"一件案件最多 {MOST} 张照片。", f"A case has at most {MOST} photos.")
    if stage not in STAGES:
        raise InputError(
            f"照片的阶段 {stage[:20]!r} 不对:应为 before(处置前)或 after(处置后)。", "stage is before or after."
        )
    try:
        conn.execute(
            insert(CASE_PHOTO).values(
                community=case.community, id=identifier, case_id=case.id, stage=stage, sha256=kept.sha256,
                width=kept.width, height=kept.height, bytes=kept.bytes, taken_at=kept.taken_at,
            )
        )  # fmt: skip
    except IntegrityError as error:
        raise ConflictError("这个标识已用于另一张照片。", "The identifier is another photo's.") from error
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", "") != "42501":
            raise
        raise missing_case() from error


def photo_hashes(conn: Connection) -> frozenset[str]:
    """Return the hashes of all photos that rows name, also of cases that were deleted: what an operator may ask."""
    return frozenset(conn.execute(select(func.gis.photo_hashes())).scalars())


def list_photos(conn: Connection, case: Case) -> list[dict[str, Any]]:
    """Return the photos of a case: those before first, in the order in which they were added."""
    rows = conn.execute(
        select(CASE_PHOTO)
        .where(CASE_PHOTO.c.community == case.community, CASE_PHOTO.c.case_id == case.id)
        .order_by(CASE_PHOTO.c.stage.desc(), CASE_PHOTO.c.added_at, CASE_PHOTO.c.id)
    ).mappings()
    shown = ("id", "stage", "width", "height", "bytes", "taken_at", "actor", "added_at")
    return [{**{name: row[name] for name in shown}, "stage_title": STAGES[row["stage"]]} for row in rows]


def has_photo(conn: Connection, case: Case, identifier: uuid.UUID) -> bool:
    """Return whether a case has a photo of this identifier."""
    found = (CASE_PHOTO.c.community == case.community, CASE_PHOTO.c.case_id == case.id, CASE_PHOTO.c.id == identifier)
    return conn.execute(select(CASE_PHOTO.c.id).where(*found)).first() is not None


def photo_hash(conn: Connection, case: Case, identifier: uuid.UUID) -> str:
    """Return under which hash a photo's file lies; NotFoundError when the case has no such photo."""
    found = conn.execute(
        select(CASE_PHOTO.c.sha256).where(
            CASE_PHOTO.c.community == case.community, CASE_PHOTO.c.case_id == case.id, CASE_PHOTO.c.id == identifier
        )
    ).scalar()
    if found is None:
        raise NotFoundError("案件没有这张照片。", "The case has no such photo.")
    return str(found)
