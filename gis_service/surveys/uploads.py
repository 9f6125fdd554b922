"""What was uploaded: the list of uploads, each with its file, what it did, and whether it was taken back."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.engine import Connection

from gis_service.errors import InputError, NotFoundError
from gis_service.proposal_tables import PROPOSAL
from gis_service.tables import UPLOAD

_MOST_LISTED = 1000


@dataclass(frozen=True)
class UploadRecord:
    """One committed upload.

    Attributes
    ----------
    added, changed, moved, unchanged, removed, refused
        Rows.
    reverts
        The upload that this one took back, or None.
    reverted
        Whether a later one took this one back, and still does.
    """

    id: uuid.UUID
    community: str
    layer: str
    file_name: str
    sha256: str
    crs: str
    crs_evidence: str
    encoding: str | None
    added: int
    changed: int
    moved: int
    unchanged: int
    removed: int
    refused: int
    reverts: uuid.UUID | None
    actor: str
    committed_at: datetime
    reverted: bool

    @property
    def counts(self) -> dict[str, int]:
        """Rows by what was done with them."""
        return {name: getattr(self, name) for name in ("added", "changed", "moved", "removed", "unchanged", "refused")}


def list_uploads(conn: Connection, community: str | None = None, layer: str | None = None) -> list[UploadRecord]:
    """Return the uploads that the scope sees, the latest first, at most a thousand."""
    asked = [UPLOAD.c[name] == value for name, value in (("community", community), ("layer", layer)) if value]
    query = select(*_COLUMNS).where(*asked).order_by(UPLOAD.c.committed_at.desc(), UPLOAD.c.id).limit(_MOST_LISTED)
    taken_back = _taken_back(conn)
    return [UploadRecord(**row, reverted=row["id"] in taken_back) for row in conn.execute(query).mappings()]


def read_upload(conn: Connection, identifier: str) -> UploadRecord:
    """Return one upload.

    Raises
    ------
    InputError
        When the text is no identifier.
    NotFoundError
        When the scope sees no such upload.
    """
    try:
        known = uuid.UUID(identifier)
    except ValueError as error:
        raise InputError(
            f"上传编号 {identifier[:60]!r} 不对:应为 36 位的编号,可用 gis-service uploads 查到。",
            "An upload's identifier is a UUID.",
        ) from error
    row = conn.execute(select(*_COLUMNS).where(UPLOAD.c.id == known)).mappings().one_or_none()
    if row is None:
        raise NotFoundError(
            f"没有编号为 {known} 的上传,或不在您的范围内;可用 gis-service uploads 查看。", "There is no such upload."
        )
    return UploadRecord(**row, reverted=row["id"] in _taken_back(conn))


def list_everything(conn: Connection, community: str | None = None) -> list[dict[str, Any]]:
    """Return what waits for a decision and what is committed, the latest first, at most a thousand of each."""
    query = select(PROPOSAL).where(PROPOSAL.c.state != "committed").order_by(PROPOSAL.c.created_at.desc())
    if community is not None:
        query = query.where(PROPOSAL.c.community == community)
    waiting = [
        {"id": str(row.id), "state": row.state, "layer": row.layer, "community": row.community, "at": row.created_at,
         "file_name": row.file_name, "actor": row.actor, "reverts": None, "counts": row.report.get("counts", {})}
        for row in conn.execute(query.limit(_MOST_LISTED))
    ]  # fmt: skip
    committed = [
        {"id": str(one.id), "state": "reverted" if one.reverted else "committed", "layer": one.layer,
         "community": one.community, "at": one.committed_at, "file_name": one.file_name, "actor": one.actor,
         "reverts": None if one.reverts is None else str(one.reverts), "counts": one.counts}
        for one in list_uploads(conn, community)
    ]  # fmt: skip
    return sorted([*waiting, *committed], key=lambda one: one["at"], reverse=True)


def uploads_from(conn: Connection, identifier: uuid.UUID) -> list[UploadRecord]:
    """Return what a file's commits and their reverts are recorded as, in the order they were written.

    The first commit has the upload's own identifier, later ones have their own; a revert names what it took back.
    """
    found = conn.execute(
        text(
            "with recursive family as ("
            " select id from gis.upload where id = :id or id in (select written from gis.proposal_row"
            "  where community = (select community from gis.proposal where id = :id) and proposal = :id)"
            " union select u.id from gis.upload u join family f on u.reverts = f.id) select id from family"
        ),
        {"id": identifier},
    ).scalars()
    query = select(*_COLUMNS).where(UPLOAD.c.id.in_(found.all())).order_by(UPLOAD.c.committed_at, UPLOAD.c.id)
    rows = conn.execute(query).mappings().all()
    taken_back = _taken_back(conn) if rows else set()
    return [UploadRecord(**row, reverted=row["id"] in taken_back) for row in rows]


_COLUMNS = tuple(UPLOAD.c[one.name] for one in fields(UploadRecord) if one.name != "reverted")


def _taken_back(conn: Connection) -> set[uuid.UUID]:
    """Return the uploads that are taken back: by a revert that isn't taken back itself."""
    rows = conn.execute(select(UPLOAD.c.id, UPLOAD.c.reverts).where(UPLOAD.c.reverts.is_not(None)))
    target_of = {row.id: row.reverts for row in rows}
    waiting = Counter(target_of.values())
    # What nobody took back stands; from there the chains are walked towards what was uploaded first.
    settled = [revert for revert in target_of if not waiting[revert]]
    found: set[uuid.UUID] = set()
    while settled:
        revert = settled.pop()
        if revert not in target_of:
            continue
        target = target_of[revert]
        if revert not in found:
            found.add(target)
        waiting[target] -= 1
        if not waiting[target]:
            settled.append(target)
    return found
