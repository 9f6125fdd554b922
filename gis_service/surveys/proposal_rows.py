"""The rows of a proposal, kept until someone decides: what each would do, to which feature, and what is wrong with it.

They are written from the transaction's temporary tables in a few statements, whatever their number, and read page by
page. What a feature was before is never copied: its version is noted, and the history says what that version held.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.engine import Connection

from gis_service.errors import NotFoundError
from gis_service.features.staging import Staging
from layers.layer import Layer

Thing = TypeVar("Thing")

_AT_ONCE = 10_000
"""Rows that one statement takes as JSON."""


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with a row, or worth a look: the field's name (None: the row as a whole) and a Chinese sentence."""

    row: int
    field: str | None
    message: str


@dataclass(frozen=True)
class WaitingRow:
    """A row that is right but has no place yet (待落图): its code and its values by field."""

    row: int
    code: str
    values: Mapping[str, object]
    message: str


@dataclass(frozen=True)
class Kept:
    """Names the proposal whose rows are meant."""

    community: str
    proposal: uuid.UUID

    @property
    def named(self) -> dict[str, object]:
        """Parameters of every statement about it."""
        return {"community": self.community, "proposal": self.proposal}


def keep_rows(
    conn: Connection,
    kept: Kept,
    staging: Staging,
    refused: Mapping[int, str],
    problems: Iterable[RowProblem],
    waiting: Iterable[WaitingRow],
) -> None:
    """Keep what the transaction's staging proposes, and the rows that aren't in it.

    Parameters
    ----------
    refused
        Row number to code, of the rows that aren't taken.
    problems
        Of refused rows why, of the others warnings.
    """
    discard_rows(conn, kept)
    names = ", ".join(f"s.{field.name}" for field in staging.fields)
    conn.execute(
        text(
            "insert into gis.proposal_row (community, proposal, row, step, code, feature, base, grid, moved_m, values,"
            " geom) select :community, :proposal, s.row, case when p.added then 'added' when p.changed then 'changed'"
            "  when p.moved then 'moved' else 'unchanged' end, s.code, p.id, p.base, p.grid, p.moved_m,"
            "  case when p.added or p.changed or p.moved then"
            # A value that a changed row takes away is a change; a new one has nothing to be taken away.
            f"   case when p.added then jsonb_strip_nulls(to_jsonb((select v from (select {names}) v)))"
            f"   else to_jsonb((select v from (select {names}) v)) end end,"
            "  case when p.added or p.changed or p.moved then s.geom end"
            " from staged s join proposed p using (row)"
        ),
        kept.named,
    )
    conn.execute(
        text(
            "insert into gis.proposal_row (community, proposal, row, step, code, feature, base, grid)"
            " select :community, :proposal, row, 'removed', code, id, base, grid from removing"
        ),
        kept.named,
    )
    said = _by_row(problems)
    listed = ({"row": row, "code": code, "problems": said.pop(row, None)} for row, code in refused.items())
    _insert(conn, kept, "refused", listed)
    waits = ({"row": one.row, "code": one.code, "values": dict(one.values),
              "problems": [{"field": None, "message": one.message}]} for one in waiting)  # fmt: skip
    _insert(conn, kept, "unplaced", waits)
    _add(conn, kept, said)


def _insert(conn: Connection, kept: Kept, step: str, rows: Iterable[Mapping[str, object]]) -> None:
    for some in batched(rows, _AT_ONCE):
        conn.execute(
            text(
                "insert into gis.proposal_row (community, proposal, row, step, code, values, problems)"
                " select :community, :proposal, (r ->> 'row')::integer, :step, r ->> 'code', r -> 'values',"
                "  nullif(r -> 'problems', 'null') from jsonb_array_elements(cast(:rows as jsonb)) r"
            ),
            {**kept.named, "step": step, "rows": orjson.dumps(some, default=str).decode()},
        )


def add_problems(conn: Connection, kept: Kept, problems: Iterable[RowProblem]) -> None:
    """Note what is wrong with rows, or worth a look."""
    _add(conn, kept, _by_row(problems))


def _by_row(problems: Iterable[RowProblem]) -> dict[int, list[dict[str, object]]]:
    found: dict[int, list[dict[str, object]]] = {}
    for one in problems:
        found.setdefault(one.row, []).append({"field": one.field, "message": one.message})
    return found


def _add(conn: Connection, kept: Kept, said: Mapping[int, list[dict[str, object]]]) -> None:
    for some in batched(said.items(), _AT_ONCE):
        conn.execute(
            text(
                "update gis.proposal_row r set problems = coalesce(r.problems, '[]') || (given.value)"
                " from jsonb_each(cast(:problems as jsonb)) given"
                " where r.community = :community and r.proposal = :proposal and r.row = given.key::integer"
            ),
            {**kept.named, "problems": orjson.dumps({str(row): told for row, told in some}).decode()},
        )


def batched(things: Iterable[Thing], size: int) -> Iterator[Sequence[Thing]]:
    """Yield things in lists of at most ``size``."""
    left = iter(things)
    while some := list(islice(left, size)):
        yield some


def discard_rows(conn: Connection, kept: Kept) -> None:
    """Let go of a proposal's rows."""
    conn.execute(text("delete from gis.proposal_row where community = :community and proposal = :proposal"), kept.named)


def count_steps(conn: Connection, kept: Kept) -> dict[str, int]:
    """Return how many rows there are of each step, and of them ``written``, ``left_out`` and with ``warnings``.

    A row that moves and changes counts in both, as everywhere; in ``to_write`` each row that a commit may still write
    counts once.
    """
    found = conn.execute(
        text(
            "select step, count(*) as number, count(written) as written, count(left_out) as left_out,"
            " count(problems) filter (where step not in ('refused', 'unplaced', 'conflict')) as warnings,"
            " count(moved_m) filter (where step = 'changed') as moved_too, count(*) filter (where written is null"
            "  and left_out is null and step in ('added', 'changed', 'moved', 'removed')) as to_write"
            " from gis.proposal_row where community = :community and proposal = :proposal group by step"
        ),
        kept.named,
    ).mappings()
    counts = dict.fromkeys(
        ("added", "changed", "moved", "removed", "unchanged", "refused", "unplaced", "conflict",
         "written", "left_out", "warnings", "to_write"), 0,
    )  # fmt: skip
    for row in found:
        counts[row["step"]] += row["number"]
        counts["moved"] += row["moved_too"]
        for name in ("written", "left_out", "warnings", "to_write"):
            counts[name] += row[name]
    return counts


def list_rows(
    conn: Connection, kept: Kept, layer: Layer, *, steps: Iterable[str] = (), after: int | None = None,
    limit: int = 100, flagged: bool = False,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return a page of rows in the order of their numbers.

    Parameters
    ----------
    steps
        Only rows of these steps; none means all. Rows that change and move are found under both.
    after
        The row number that the page begins behind.
    flagged
        Only rows with problems or warnings.

    Returns
    -------
    list of dict
        ``row``, ``step``, ``code``, ``moved_m``, ``problems``, ``left_out``, ``written``, ``label`` (what names the row
        to people), and ``changes``: field name to [old, new] for what would change.
    """
    wanted = list(steps)
    # The page comes first and what the features were before it after: else the planner joins a million to find fifty.
    rows = conn.execute(
        text(
            f"select {_SHOWN}, {_before(layer)} as before from (select * from gis.proposal_row r"
            "  where r.community = :community and r.proposal = :proposal"
            + (" and (r.step = any(:steps) or 'moved' = any(:steps) and r.moved_m is not null)" if wanted else "")
            + (" and r.row > :after" if after is not None else "")
            + (" and r.problems is not null" if flagged else "")
            + f"  order by r.row limit :limit) r {_join_history(layer)} order by r.row"
        ),
        {**kept.named, "steps": wanted, "after": after, "limit": limit},
    ).mappings()
    return [_shown(layer, row) for row in rows]


def read_row(conn: Connection, kept: Kept, layer: Layer, row: int) -> dict[str, Any]:
    """Return one row; NotFoundError when there is none or the scope doesn't see it."""
    found = list_rows(conn, kept, layer, after=row - 1, limit=1)
    if not found or found[0]["row"] != row:
        raise NotFoundError(f"这次上传里没有第 {row} 行。", f"The upload has no row {row}.")
    return found[0]


_SHOWN = (
    "r.row, r.step, r.code, r.grid, r.moved_m, r.values, r.problems, r.left_out, r.written, st_x(st_pointonsurface("
    "coalesce(r.geom, h.geom))) as lon, st_y(st_pointonsurface(coalesce(r.geom, h.geom))) as lat,"
    " (select for_new from gis.proposal p where p.community = r.community and p.id = r.proposal) as for_new"
)


def _join_history(layer: Layer) -> str:
    """Return the join to what the feature was when the proposal was made."""
    return (
        f"left join gis.{layer.name}_history h on h.community = r.community and h.id = r.feature"
        " and h.version = r.base and h.operation <> 'delete'"
        f" and h.written_at = (select max(w.written_at) from gis.{layer.name}_history w where w.community = h.community"
        "  and w.id = h.id and w.version = h.version)"
    )


def _before(layer: Layer) -> str:
    names = ", ".join(f"h.{field.name}" for field in layer.fields)
    return f"case when h.id is not null then to_jsonb((select v from (select {names}) v)) end"


def _shown(layer: Layer, row: RowMapping) -> dict[str, Any]:
    values, before = row["values"] or {}, row["before"] or {}
    changes = {}
    if row["step"] in {"changed", "moved", "conflict"}:
        changes = {
            field.name: [before.get(field.name), values.get(field.name)]
            for field in layer.fields
            if field.name in values
            and field.name not in row["for_new"]
            and values[field.name] != before.get(field.name)
        }
    said = {**before, **values}
    return {
        "row": row["row"], "step": row["step"], "code": row["code"], "grid": row["grid"], "moved_m": row["moved_m"],
        "label": str(said.get("address") or said.get("name") or said.get(layer.label) or ""),
        "changes": changes, "problems": row["problems"] or [], "left_out": row["left_out"],
        "written": row["written"] is not None, "lon": row["lon"], "lat": row["lat"],
    }  # fmt: skip


def changes_geojson(conn: Connection, kept: Kept, layer: Layer, most: int) -> Iterator[bytes]:
    """Stream what would change as GeoJSON: each row as it will be, and as it is now where that differs in place.

    ``role`` is ``after`` or ``before``; ``fields`` names what changes. The text comes from the database, row by row.
    """
    names = ", ".join(f"h.{field.name}" for field in layer.fields)
    rows = (
        conn.execution_options(stream_results=True, yield_per=2000)
        .execute(
            text(
                "select jsonb_build_object('type', 'Feature', 'id', r.row || role.name, 'geometry',"
                " st_asgeojson(case role.name when '' then coalesce(r.geom, h.geom) else h.geom end, 8)::jsonb,"
                " 'properties', jsonb_strip_nulls(jsonb_build_object('row', r.row, 'step', r.step, 'code', r.code,"
                "  'role', case role.name when '' then 'after' else 'before' end,"
                "  'moved_m', round(r.moved_m::numeric, 2), 'problems', r.problems, 'left_out', r.left_out,"
                "  'fields', (select jsonb_object_agg(key, jsonb_build_array(b.value, v.value))"
                "   from jsonb_each(r.values) v"
                f"   left join jsonb_each(to_jsonb((select x from (select {names}) x))) b using (key)"
                "   where r.step in ('changed', 'moved', 'conflict') and v.value is distinct from b.value"
                "    and v.key <> all(p.for_new)))))::text"
                " from (select * from gis.proposal_row r where r.community = :community and r.proposal = :proposal"
                "  and r.step not in ('unchanged', 'refused') and (r.geom is not null or r.feature is not null)"
                "  order by r.row limit :most) r"
                " join gis.proposal p on p.community = r.community and p.id = r.proposal"
                f" {_join_history(layer)}"
                " cross join lateral (values (''), ('-before')) role (name)"
                " where (role.name = '' and coalesce(r.geom, h.geom) is not null"
                "   or role.name <> '' and r.moved_m is not null and h.geom is not null)"
                " order by r.row, role.name limit :most"
            ),
            {**kept.named, "most": most},
        )
        .scalars()
    )
    yield b'{"type":"FeatureCollection","features":['
    for number, feature in enumerate(rows):
        yield (b"," if number else b"") + feature.encode()
    yield b"]}"


def choose(conn: Connection, kept: Kept, rows: Iterable[int], reason: str | None) -> int:
    """Leave rows out, with a reason, or take them again (None); return how many there were."""
    return conn.execute(
        text(
            "update gis.proposal_row set left_out = :reason where community = :community and proposal = :proposal"
            " and row = any(:rows) and written is null and step <> 'refused'"
        ),
        {**kept.named, "rows": list(rows), "reason": reason},
    ).rowcount
