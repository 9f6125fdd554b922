"""A proposal taken up again: its rows go back into the transaction's staging and meet what is stored now.

Between proposal and commit others may have changed the same features. Each such feature is merged field by field: where
the stored value is still the one that the proposal saw, the file's value holds; where the file doesn't change a value,
the stored one stays; where both changed it to different values, nobody is overwritten and the row waits as a conflict.
The geometry counts as one field.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from gis_service.features.journal import has_journal
from gis_service.features.staging import Staging
from gis_service.surveys.proposal_rows import Kept
from gis_service.tables import column_type

WRITABLE = ("added", "changed", "moved", "removed")
"""Steps that a commit can write."""


@dataclass(frozen=True)
class Conflict:
    """A row whose feature was changed meanwhile: the fields that both changed, or what became of the feature."""

    row: int
    fields: tuple[str, ...]
    message: str


def recall(
    conn: Connection, kept: Kept, staging: Staging, *, steps: Collection[str], rows: Collection[int] | None = None
) -> list[Conflict]:
    """Put kept rows back into the staging, compared with what is stored now; return what can't be written.

    Parameters
    ----------
    steps
        The steps whose rows are wanted; only those of ``WRITABLE`` that nobody left out and no commit wrote come back.
    rows
        Only these row numbers.
    """
    staging.create(conn)
    _list_rows(conn, kept, steps, rows)
    _fill(conn, kept, staging)
    _lock(conn, staging)
    staging.compare(conn)
    conflicts = [*_meanwhile_added(conn, staging), *_gone(conn), *_changed(conn, kept, staging)]
    _find_removed(conn, staging)
    return [*conflicts, *_removed_edited(conn, staging)]


def _list_rows(conn: Connection, kept: Kept, steps: Collection[str], rows: Collection[int] | None) -> None:
    """List the wanted rows in a table of the transaction's own.

    The table of all proposals' rows is read by its key only: right after a million rows were kept in it the planner
    takes it for empty, and joins row by row whatever has no index.
    """
    conn.execute(text("drop table if exists pg_temp.recalled"))
    conn.execute(
        text(
            "create temp table recalled on commit drop as select row, step, feature, base from gis.proposal_row"
            " where community = :community and proposal = :proposal and written is null and left_out is null"
            " and step = any(:steps) and step = any(:writable)" + (" and row = any(:rows)" if rows is not None else "")
        ),
        {**kept.named, "steps": list(steps), "writable": list(WRITABLE), "rows": list(rows or ())},
    )
    conn.execute(text("create unique index on pg_temp.recalled (row)"))
    conn.execute(text("analyze pg_temp.recalled"))


def _fill(conn: Connection, kept: Kept, staging: Staging) -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    types = ", ".join(f"{f.name} {column_type(f).compile(dialect=dialect)}" for f in staging.fields)
    names = ", ".join(f.name for f in staging.fields)
    conn.execute(
        text(
            f"insert into staged (row, {names}, geom) select r.row, {', '.join(f'v.{f.name}' for f in staging.fields)},"
            f" r.geom from gis.proposal_row r cross join lateral jsonb_to_record(r.values) v ({types})"
            " join recalled k on k.row = r.row and k.step <> 'removed'"
            " where r.community = :community and r.proposal = :proposal and r.geom is not null"
        ),
        kept.named,
    )


def _lock(conn: Connection, staging: Staging) -> None:
    """Let nobody change the features between the comparison and the writing."""
    conn.execute(
        text(
            f"select from gis.{staging.layer.name} t where t.community = :community"
            " and t.id in (select feature from recalled where feature is not null) order by t.id for update"
        ),
        {"community": staging.community},
    )


def _meanwhile_added(conn: Connection, staging: Staging) -> list[Conflict]:
    """Find rows that were new, and whose code someone has given to a feature since."""
    rows = conn.execute(
        text(
            "select s.row, s.code, p.changed or p.moved as differs from staged s join proposed p using (row)"
            " join recalled r using (row) where not p.added and r.feature is null order by s.row"
        )
    ).all()
    different = [(row, code) for row, code, differs in rows if differs]
    staging.leave_out(conn, [row for row, _ in different])
    return [Conflict(row, (), f"提案之后已有人新增了编码 {code},内容与文件不同;没有写入。") for row, code in different]


def _gone(conn: Connection) -> list[Conflict]:
    """Find rows whose feature was deleted, or has another code, since."""
    rows = conn.execute(
        text(
            "delete from staged s using proposed p, recalled r where p.row = s.row and r.row = s.row"
            " and r.feature is not null and p.id is distinct from r.feature returning s.row, s.code"
        )
    )
    return [Conflict(row, (), f"提案之后编码 {code} 的要素已被删除或改了编码;没有写入。") for row, code in rows]


def _changed(conn: Connection, kept: Kept, staging: Staging) -> list[Conflict]:
    """Merge rows whose feature has another version now, field by field."""
    layer = staging.layer.name
    names = [f.name for f in staging.fields if f.name not in {"code", *staging.for_new}] + ["geom"]
    conn.execute(text("drop table if exists pg_temp.drifted"))
    clashes = ", ".join(f"case when {_both(name)} then '{name}' end" for name in names)
    merged = ", ".join(
        f"case when t.{name} is not distinct from b.{name} then s.{name} else t.{name} end as {name}" for name in names
    )
    conn.execute(
        text(
            "create temp table drifted on commit drop as select s.row,"
            f" array_remove(array[{clashes}], null) as clashes, {merged}"
            f" from recalled r join gis.{layer} t on t.community = :community and t.id = r.feature"
            "  and t.version <> r.base join staged s on s.row = r.row"
            f" left join lateral (select * from gis.{layer}_history h where h.community = :community and h.id = t.id"
            "  and h.version = r.base and h.operation <> 'delete' order by h.written_at desc limit 1) b on true"
        ),
        {"community": staging.community},
    )
    _keep_merged(conn, kept, names)
    assigned = ", ".join(f"{name} = d.{name}" for name in names)
    if conn.execute(text(f"update staged s set {assigned} from drifted d where d.row = s.row")).rowcount:
        staging.compare(conn)
    titles = {f.name: f.title for f in staging.fields} | {"geom": "位置"}
    rows = conn.execute(text("select row, clashes from drifted where clashes <> '{}' order by row"))
    return [
        Conflict(row, tuple(clashes), f"提案之后{_listed(titles, clashes)}也被别人改过;保留现在的值。")
        for row, clashes in rows
    ]


def _listed(titles: Mapping[str, str], names: Iterable[str]) -> str:
    return "、".join(titles[name] for name in names)


def _keep_merged(conn: Connection, kept: Kept, names: Collection[str]) -> None:
    """Let a clashing row keep of the file's values only those that clash: the others are settled by the merge.

    Whoever decides later for the file must not bring back what the file only repeated and someone has changed since.
    """
    merged = ", ".join(f"d.{name}" for name in names if name != "geom")
    settled = f"to_jsonb((select m from (select {merged}) m))" if merged else "'{}'::jsonb"
    conn.execute(
        text(
            "update gis.proposal_row r set geom = case when 'geom' = any(d.clashes) then r.geom else d.geom end,"
            " values = r.values || (select coalesce(jsonb_object_agg(key, value), '{}')"
            f"  from jsonb_each({settled}) where key <> all(d.clashes))"
            " from drifted d where r.community = :community and r.proposal = :proposal and r.row = d.row"
            " and d.clashes <> '{}'"
        ),
        kept.named,
    )


def _both(name: str) -> str:
    """Say that a field was changed by the file and, to something else, by someone meanwhile."""
    return (
        f"t.{name} is distinct from b.{name} and s.{name} is distinct from b.{name}"
        f" and s.{name} is distinct from t.{name}"
    )


def _find_removed(conn: Connection, staging: Staging) -> None:
    """Find the features that are to be removed, and that still stand."""
    conn.execute(
        text(
            "insert into removing select r.row, t.id, r.base, t.code, t.grid from recalled r"
            f" join gis.{staging.layer.name} t on t.community = :community and t.id = r.feature"
            " where r.step = 'removed'"
        ),
        {"community": staging.community},
    )


def _removed_edited(conn: Connection, staging: Staging) -> list[Conflict]:
    rows = conn.execute(
        text(
            f"delete from removing r using gis.{staging.layer.name} t where t.community = :community and t.id = r.id"
            f" and (t.version <> r.base or {has_journal(staging.layer, 't')}) returning r.row, r.code"
        ),
        {"community": staging.community},
    )
    return [Conflict(row, (), f"提案之后编码 {code} 的要素被别人改过或办理过;没有删除。") for row, code in rows]
