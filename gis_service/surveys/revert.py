"""The way back: an upload is taken back feature by feature and field by field, and what was edited since stays.

The layer's history says what each feature was before the upload and what the upload made of it. Where the present value
is still the upload's, the one before comes back; where someone has changed it since, it stays and is told. A revert is
an upload itself, so it can be taken back too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import insert, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from gis_service.errors import ConflictError
from gis_service.features.journal import has_journal
from gis_service.features.staging import SAME_PLACE_DEG
from gis_service.features.write import refused_by_database
from gis_service.surveys.uploads import UploadRecord, read_upload
from gis_service.tables import UPLOAD
from layers.layer import Layer
from layers.registry import LAYERS

_GEOMETRY = "geom"
_REASONS = {
    "edited": "这次上传新增的,之后又改过或办理过,没有删除",
    "removed": "之后已被删除,没有恢复",
    "added_again": "这次删除的,之后又有同一要素,没有改动",
    "code_taken": "这次删除的,编码已被另一个要素使用,没有恢复",
}


@dataclass(frozen=True)
class RevertConflict:
    """A feature, or some of its fields, that someone changed after the upload and that therefore stays as it is.

    ``fields`` are the titles of the fields that stay; none when it is the feature as a whole.
    """

    code: str
    reason: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Revert:
    """What taking an upload back does, in features: deleted again, brought back, given back older values.

    ``moved`` of the changed ones go back to another place; ``same`` stand already as they were before the upload.
    """

    upload: UploadRecord
    removed: int
    restored: int
    changed: int
    moved: int
    same: int
    conflicts: tuple[RevertConflict, ...]


def revert_upload(conn: Connection, identifier: str, *, by: str) -> Revert:
    """Take an upload back in the open transaction, which must bear the mark of the new upload ``by``.

    Raises
    ------
    NotFoundError
        When the scope sees no such upload.
    ConflictError
        When it is taken back already, or a rule of the database refuses what was before.
    """
    # One revert of an upload at a time; the second one then finds it taken back.
    conn.execute(text("select pg_advisory_xact_lock(hashtextextended(:id, 0))"), {"id": identifier.lower()})
    upload = read_upload(conn, identifier)
    if upload.reverted:
        raise ConflictError(
            f"上传 {upload.id} 已经撤回过;要恢复它,请撤回那一次撤回。", "The upload is taken back already."
        )
    layer = LAYERS[upload.layer]
    conn.execute(text("set local statement_timeout = 600000"))
    _compare(conn, layer, upload)
    done = _count(conn, layer, upload)
    try:
        conn.execute(
            insert(UPLOAD).values(
                community=upload.community, id=by, key=by, layer=layer.name, file_name=upload.file_name,
                sha256=upload.sha256, crs=upload.crs, crs_evidence=f"撤回上传 {upload.id}", encoding=upload.encoding,
                added=done.restored, changed=done.changed, moved=done.moved, unchanged=done.same,
                removed=done.removed, refused=len(done.conflicts), reverts=upload.id,
            )
        )  # fmt: skip
        _apply(conn, layer, upload.community)
    except IntegrityError as error:
        raise refused_by_database(layer, error) from error
    return done


def _compare(conn: Connection, layer: Layer, upload: UploadRecord) -> None:
    """Find for every feature of the upload what it was before (b), what the upload made of it (a) and what it is (n).

    The temporary table ``reverting`` gets one row a feature: what is to be done, the values to write, and the fields
    that stay because they were changed since.
    """
    names = _names(layer)
    parameters = {"community": upload.community, "upload": upload.id}
    _list_versions(conn, layer, parameters)
    conn.execute(text("drop table if exists pg_temp.reverting"))
    back = ", ".join(_back(name) for name in names)
    stays = ", ".join(f"case when {_edited(name)} then '{name}' end" for name in names)
    differs = " or ".join(f"a.{name} is distinct from n.{name}" for name in names)
    same = " and ".join(f"b.{name} is not distinct from n.{name}" for name in names)
    clash = "n2.community = b.community and n2.code = b.code and n2.id <> b.id"
    if layer.visibility == "grid":
        clash += " and n2.grid is not distinct from b.grid"
    # Nobody changes the features between the comparison and the writing.
    conn.execute(
        text(
            f"select from gis.{layer.name} where community = :community and id in (select id from"
            f" gis.{layer.name}_history where community = :community and upload = :upload) order by id for update"
        ),
        parameters,
    )
    conn.execute(
        text(
            "create temp table reverting on commit drop as"
            " with span as (select id, min(place) as first, max(place) as last from reverting_version"
            "  where upload = :upload group by id)"
            " select span.id, case"
            "  when b.id is null and a.operation = 'delete' then 'same'"
            "  when b.id is null then case when n.id is null then 'same'"
            f"   when {differs} or {has_journal(layer, 'n')} then 'edited' else 'delete' end"
            "  when a.operation = 'delete' then case"
            f"   when n.id is not null then case when {same} then 'same' else 'added_again' end"
            f"   when exists (select from gis.{layer.name} n2 where {clash}) then 'code_taken' else 'restore' end"
            "  when n.id is null then 'removed' else 'update' end as step,"
            "  coalesce(n.code, a.code, b.code) as told, b.grid as grid_before,"
            f"  array_remove(array[{stays}], null) as stays, {back}"
            " from span join reverting_version a on a.id = span.id and a.place = span.last"
            " left join reverting_version b on b.id = span.id and b.place = span.first - 1 and b.operation <> 'delete'"
            f" left join gis.{layer.name} n on n.community = :community and n.id = span.id"
        ),
        parameters,
    )


def _list_versions(conn: Connection, layer: Layer, parameters: Mapping[str, object]) -> None:
    """List every version of the features that an upload touched, in tables whose figures are new.

    Right after a large upload the planner takes the history for as small as it was, and would join row by row.
    """
    conn.execute(text("drop table if exists pg_temp.reverting_feature, pg_temp.reverting_version"))
    conn.execute(
        text(
            "create temp table reverting_feature on commit drop as select distinct id"
            f" from gis.{layer.name}_history where community = :community and upload = :upload"
        ),
        parameters,
    )
    conn.execute(text("create unique index on reverting_feature (id)"))
    conn.execute(text("analyze reverting_feature"))
    conn.execute(
        text(
            "create temp table reverting_version on commit drop as select h.*, row_number() over"
            "  (partition by id order by recorded_at, written_at, version) as place"
            f" from gis.{layer.name}_history h join reverting_feature using (id) where h.community = :community"
        ),
        parameters,
    )
    conn.execute(text("create unique index on reverting_version (id, place)"))
    conn.execute(text("analyze reverting_version"))


def _back(name: str) -> str:
    """Return the value that a field gets: the one before, where the present one is still the upload's."""
    return (
        f"case when n.id is null or (a.{name} is distinct from b.{name} and n.{name} is not distinct from a.{name})"
        f" then b.{name} else n.{name} end as {name}"
    )


def _edited(name: str) -> str:
    return (
        f"n.id is not null and b.id is not null and a.operation <> 'delete' and a.{name} is distinct from b.{name}"
        f" and n.{name} is distinct from a.{name} and n.{name} is distinct from b.{name}"
    )


def _count(conn: Connection, layer: Layer, upload: UploadRecord) -> Revert:
    attributes = [name for name in _names(layer) if name != _GEOMETRY]
    differs = " or ".join(f"r.{name} is distinct from n.{name}" for name in attributes)
    # A commit counts no move of less than a centimetre, nor does what takes it back.
    moved = (
        f"(r.{_GEOMETRY} is distinct from n.{_GEOMETRY} and (st_npoints(r.{_GEOMETRY}) <> st_npoints(n.{_GEOMETRY})"
        f" or st_hausdorffdistance(r.{_GEOMETRY}, n.{_GEOMETRY}) > {SAME_PLACE_DEG}))"
    )
    counted = conn.execute(
        text(
            "select count(*) filter (where step = 'delete'), count(*) filter (where step = 'restore'),"
            f" count(*) filter (where step = 'update' and ({differs})),"
            f" count(*) filter (where step = 'update' and {moved}),"
            f" count(*) filter (where step = 'same'"
            f"  or step = 'update' and not ({differs} or {moved}) and stays = '{{}}')"
            f" from reverting r left join gis.{layer.name} n on n.community = :community and n.id = r.id"
        ),
        {"community": upload.community},
    ).one()
    rows = conn.execute(
        text(
            "select step, told, stays from reverting where step = any(:conflicts)"
            " or step = 'update' and stays <> '{}' order by told, id"
        ),
        {"conflicts": list(_REASONS)},
    )
    removed, restored, changed, shifted, same = (int(one) for one in counted)
    return Revert(upload, removed, restored, changed, shifted, same, tuple(_told(layer, rows)))


def _told(layer: Layer, rows: Iterable[Sequence[object]]) -> Iterable[RevertConflict]:
    titles = {field.name: field.title for field in layer.fields} | {_GEOMETRY: "位置"}
    for step, code, stays in rows:
        if step in _REASONS:
            yield RevertConflict(str(code), _REASONS[str(step)])
        else:
            kept = tuple(titles[str(name)] for name in stays) if isinstance(stays, list) else ()
            yield RevertConflict(str(code), "之后又改过,保持现在的值", kept)


def _apply(conn: Connection, layer: Layer, community: str) -> None:
    names = _names(layer)
    given = {"community": community}
    conn.execute(
        text(
            f"delete from gis.{layer.name} t using reverting r"
            " where t.community = :community and t.id = r.id and r.step = 'delete'"
        ),
        given,
    )
    # What changes by a step goes back by a step only.
    by_step = {field.name for field in layer.fields if field.by_step}
    written = [name for name in names if name not in by_step]
    assigned = ", ".join(f"{name} = r.{name}" for name in written)
    differs = " or ".join(f"t.{name} is distinct from r.{name}" for name in written)
    conn.execute(
        text(
            f"update gis.{layer.name} t set {assigned} from reverting r"
            f" where t.community = :community and t.id = r.id and r.step = 'update' and ({differs})"
        ),
        given,
    )
    conn.execute(
        text(
            f"insert into gis.{layer.name} (community, id, grid, {', '.join(names)})"
            f" select :community, id, grid_before, {', '.join(names)} from reverting where step = 'restore'"
        ),
        given,
    )


def _names(layer: Layer) -> list[str]:
    return [*(field.name for field in layer.fields), _GEOMETRY]
