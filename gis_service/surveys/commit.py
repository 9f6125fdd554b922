"""From proposal to stored features: what is accepted is written in one transaction; what clashes waits for a person."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import insert, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from gis_service.errors import ConflictError, InputError
from gis_service.features.staging import Changes, Staging
from gis_service.features.write import encode_geometry, refused_by_database
from gis_service.jobs import Job, Progress
from gis_service.surveys.desk import Desk, Waiting, find_proposal
from gis_service.surveys.files.geometry import TAKEN_TYPES, fault_sentence
from gis_service.surveys.proposal_rows import Kept, RowProblem, add_problems, count_steps
from gis_service.surveys.recall import WRITABLE, Conflict, recall
from gis_service.tables import STORED_SRID, UPLOAD
from layers.layer import Layer

ACCEPT = ("all", "valid")
"""Everything, which refused rows forbid; or what can be taken."""


@dataclass(frozen=True)
class Wanted:
    """What of a proposal is to be written.

    Attributes
    ----------
    accept
        ``all``, ``valid``, or steps: ``added``, ``changed``, ``moved``, ``removed``.
    rows
        Only these row numbers.
    key
        Idempotency key of this commit; a commit that is repeated under it writes nothing.
    """

    accept: str | Collection[str] = "all"
    rows: Collection[int] | None = None
    key: str | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that are wanted; InputError when there is no such step."""
        if isinstance(self.accept, str) and self.accept in ACCEPT:
            return WRITABLE
        asked = [self.accept] if isinstance(self.accept, str) else list(self.accept)
        unknown = [step for step in asked if step not in WRITABLE]
        if unknown or not asked:
            raise InputError(
                f"accept {'、'.join(unknown)[:60] or '(空)'} 不对:应为 all、valid,或 {'、'.join(WRITABLE)} 中的几项。",
                f"accept is all, valid or some of {', '.join(WRITABLE)}.",
            )
        return tuple(asked)


@dataclass(frozen=True)
class Committed:
    """What a commit did: the upload it is recorded as (None: nothing was left to write), and what clashed."""

    upload: uuid.UUID | None
    changes: Changes
    conflicts: int


def commit_upload(desk: Desk, identifier: uuid.UUID, wanted: Wanted, progress: Progress | None = None) -> Committed:
    """Write what is accepted of a proposal, in one transaction.

    The first commit is recorded under the upload's own identifier; rows that were placed, accepted or decided later are
    written by further commits, recorded each under an identifier of its own.

    Raises
    ------
    InputError
        When rows are refused and it isn't said that the others are to be taken, or nothing can be taken.
    ConflictError
        When the upload isn't ready, the key stands for another upload, or the database refuses a row.
    """
    steps = wanted.steps
    first = desk.find(identifier).row["state"] != "committed"
    upload = identifier if first else uuid.uuid4()
    with desk.database.write(desk.scope, str(upload)) as conn:
        # Whatever its size: a commit is one transaction, and the session's limit is meant for questions.
        conn.execute(text("set local statement_timeout = 600000"))
        waiting = find_proposal(conn, identifier, for_update=True)
        done = _done_before(conn, waiting, wanted.key)
        if done is not None:
            return done
        if waiting.row["state"] not in {"proposed", "committed"}:
            raise ConflictError("这次上传还没有读完,或有问题待回答;不能入库。", "The upload isn't ready.")
        if (waiting.row["state"] != "committed") != first:
            raise ConflictError("这次上传刚刚由别人入库;请看结果后再试。", "Someone has just committed the upload.")
        return _write(conn, waiting, wanted, steps, upload, progress)


def commit_in_background(desk: Desk, job: Job, progress: Progress) -> None:
    """Do the job of a large commit; taken up again after a kill, it finds what it had written."""
    subject = job.subject
    wanted = Wanted(subject["accept"], subject["rows"], subject["key"] or str(job.id))
    commit_upload(desk, uuid.UUID(subject["upload"]), wanted, progress)


def _done_before(conn: Connection, waiting: Waiting, key: str | None) -> Committed | None:
    if key is None:
        return None
    row = conn.execute(
        select(UPLOAD).where(UPLOAD.c.community == waiting.row["community"], UPLOAD.c.key == key)
    ).one_or_none()
    if row is None:
        return None
    if (row.sha256, row.file_name) != (waiting.row["sha256"], waiting.row["file_name"]):
        raise ConflictError(
            f"幂等键 {key!r} 已用于另一次上传({row.file_name});请换一个键。", f"The key {key!r} is another upload's."
        )
    return Committed(row.id, Changes(row.added, row.changed, row.moved, row.unchanged, row.removed), 0)


def _write(
    conn: Connection, waiting: Waiting, wanted: Wanted, steps: tuple[str, ...], upload: uuid.UUID,
    progress: Progress | None,
) -> Committed:  # fmt: skip
    kept, layer, first = waiting.kept, waiting.layer, upload == waiting.row["id"]
    counts = count_steps(conn, kept)
    if first:
        check_acceptable(counts, wanted)
    staging = staging_of(waiting)
    conflicts = recall(conn, kept, staging, steps=steps, rows=wanted.rows)
    changes = staging.count(conn)
    if not first and not (changes.added or changes.changed or changes.moved or changes.removed):
        _hold(conn, kept, layer, conflicts)
        return Committed(None, changes, len(conflicts))
    report = waiting.row["report"]
    try:
        conn.execute(
            insert(UPLOAD).values(
                community=kept.community, id=upload, key=wanted.key or str(upload), layer=layer.name,
                file_name=waiting.row["file_name"], sha256=waiting.row["sha256"], crs=report["crs"],
                crs_evidence=report["crs_evidence"], encoding=report["encoding"], added=changes.added,
                changed=changes.changed, moved=changes.moved, removed=changes.removed,
                unchanged=counts["unchanged"] if first else 0, refused=report["counts"]["refused"] if first else 0,
                attribution=waiting.row["attribution"],
            )
        )  # fmt: skip
        staging.merge(conn, changes, progress)
    except IntegrityError as error:
        raise refused_by_database(layer, error) from error
    conn.execute(
        text(
            "update gis.proposal_row r set written = :upload where r.community = :community and r.proposal = :proposal"
            " and exists (select from (select row from staged union all select row from removing) w"
            "  where w.row = r.row)"
        ),
        {**kept.named, "upload": upload},
    )
    _hold(conn, kept, layer, conflicts)
    conn.execute(waiting.change(state="committed"))
    return Committed(upload, changes, len(conflicts))


def check_acceptable(counts: Mapping[str, int], wanted: Wanted) -> None:
    """Raise InputError when rows are refused and the valid ones weren't asked for, or when there is none to take."""
    if counts["refused"] and wanted.accept == "all" and wanted.rows is None:
        raise InputError(
            f"有 {counts['refused']} 行被拒收,整份文件没有写入;请改正后重传,或只收其余各行(--accept valid)。",
            f"{counts['refused']} rows are refused, so nothing is written; mend them or accept the valid ones.",
        )
    if not any(counts[step] for step in (*WRITABLE, "unchanged")):
        raise InputError(
            "文件里没有一行可以收下,没有写入任何内容。", "No row of the file can be taken; nothing was written."
        )


def _hold(conn: Connection, kept: Kept, layer: Layer, conflicts: Collection[Conflict]) -> None:
    """Let clashing rows wait for a person; of merged ones the fields that didn't clash are written already.

    What is decided is about the feature as it stands now: what someone changes until then is merged again.
    """
    if not conflicts:
        return
    conn.execute(
        text(
            "update gis.proposal_row r set step = 'conflict', written = null, problems = null, base = ("
            f"  select t.version from gis.{layer.name} t where t.community = r.community and t.id = r.feature)"
            " where community = :community and proposal = :proposal and row = any(:rows)"
        ),
        {**kept.named, "rows": [one.row for one in conflicts]},
    )
    said = [RowProblem(one.row, field, one.message) for one in conflicts for field in one.fields or (None,)]
    add_problems(conn, kept, said)


def staging_of(waiting: Waiting) -> Staging:
    """Return the staging that a proposal's rows fit into."""
    layer = waiting.layer
    fields = tuple(layer.field(name) for name in waiting.row["fields"])
    return Staging(layer, waiting.row["community"], fields, frozenset(waiting.row["for_new"]))


def resolve(conn: Connection, waiting: Waiting, row: int, take: str) -> None:
    """Decide a conflict: ``file`` lets the next commit write the file's values, ``present`` keeps what is stored.

    Raises
    ------
    InputError
        When it is neither.
    ConflictError
        When the row is no conflict.
    """
    if take not in {"file", "present"}:
        raise InputError(f"take {take[:40]!r} 不对:应为 file 或 present。", "take is file or present.")
    layer = waiting.layer.name
    # A negative number is a feature that was to be removed; a feature that is gone is added anew.
    step = (
        "case when :take = 'present' then 'unchanged' when r.row < 0 then 'removed' when t.id is null then 'added'"
        " else 'changed' end"
    )
    done = conn.execute(
        text(
            f"update gis.proposal_row r set step = {step}, feature = t.id, problems = null,"
            " base = case when o.feature = t.id then o.base else t.version end"
            f" from gis.proposal_row o left join gis.{layer} t on t.community = o.community and t.code = o.code"
            "  and (o.feature is null or t.id = o.feature or o.row > 0)"
            " where o.community = :community and o.proposal = :proposal and o.row = :row and o.step = 'conflict'"
            "  and r.community = o.community and r.proposal = o.proposal and r.row = o.row"
        ),
        {**waiting.kept.named, "row": row, "take": take},
    ).rowcount
    if not done:
        raise ConflictError(f"第 {row} 行没有待决定的冲突。", f"Row {row} is no conflict.")


def place_row(conn: Connection, waiting: Waiting, row: int, geometry: Mapping[str, Any]) -> None:
    """Give a row that waits for its place (待落图) a geometry in CRS84, longitude first.

    Raises
    ------
    InputError
        When the geometry doesn't fit the layer or lies outside of the community.
    ConflictError
        When the row doesn't wait for a place.
    """
    placed = _geometry_of(waiting.layer, geometry)
    ewkb = encode_geometry(placed, waiting.layer)
    outside = conn.execute(
        text(
            "select not st_intersects(geom, st_geomfromewkb(:g)) from gis.community"
            " where community = :community and code = :community"
        ),
        {**waiting.kept.named, "g": ewkb},
    ).scalar()
    if outside:
        raise InputError("点的位置在社区边界之外;请在社区之内点选。", "The place lies outside of the community.")
    done = conn.execute(
        text(
            "update gis.proposal_row set geom = st_geomfromewkb(:g), step = 'added', problems = null"
            " where community = :community and proposal = :proposal and row = :row and written is null"
            " and (step = 'unplaced' or step = 'added' and problems is null)"
        ),
        {**waiting.kept.named, "row": row, "g": ewkb},
    ).rowcount
    if not done:
        raise ConflictError(f"第 {row} 行不是待落图的行。", f"Row {row} doesn't wait for a place.")


def _geometry_of(layer: Layer, geometry: Mapping[str, Any]) -> BaseGeometry:
    try:
        found = shapely.set_srid(shape(orjson.loads(orjson.dumps(geometry))), STORED_SRID)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, shapely.errors.ShapelyError) as error:
        raise InputError("几何不是 GeoJSON 的写法;请重新点选。", "The geometry isn't GeoJSON.") from error
    if found.is_empty or shapely.get_type_id(found) not in TAKEN_TYPES[layer.geometry]:
        raise InputError(
            f"图层“{layer.title}”不能用这种几何;点图层请点一个点,面和线请画出来。", "The geometry's type doesn't fit."
        )
    if not found.is_valid:
        fault = fault_sentence(shapely.is_valid_reason(found))
        raise InputError(f"画的图形有错误:{fault};请重画。", "The geometry isn't valid.")
    return found
