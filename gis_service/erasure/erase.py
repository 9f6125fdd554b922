"""Finding values in the database and erasing them: as the owner of the tables, in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from gis_service.erasure.places import Place, places
from gis_service.erasure.values import BLOT, Values
from gis_service.errors import ConflictError


@dataclass(frozen=True)
class Found:
    """In how many rows of a place a value stands, and the first of them: their codes, and the words around it."""

    title: str
    rows: int
    shown: tuple[str, ...] = ()


_MOST_SHOWN = 12


def find_values(conn: Connection, values: Values) -> list[Found]:
    """Return where the values stand in the database, with the words around the first of them."""
    found = []
    for place in places():
        rows = _find(conn, f"gis.{place.table.name}", _label(place), place.columns, _holds(place), values)
        if rows is not None:
            found.append(replace(rows, title=place.title))
    links = _find(conn, "gis.audit", "position", ("entries",), "entries::text ~ :p", values)
    return found if links is None else [*found, replace(links, title="审计记录的说明")]


def _label(place: Place) -> str:
    return next((name for name in ("code", "name", "id") if name in place.table.columns), place.columns[0])


def _find(conn: Connection, table: str, label: str, columns: Sequence[str], holds: str, values: Values) -> Found | None:
    count = conn.execute(text(f"select count(*) from {table} where {holds}"), {"p": values.pattern}).scalar_one()
    if not count:
        return None
    texts = ", ".join(f'"{name}"::text' for name in columns)
    asked = text(f'select "{label}"::text, concat_ws(chr(10), {texts}) from {table} where {holds} limit {_MOST_SHOWN}')
    shown = [f"{values.blot(name)} {values.around(held)}" for name, held in conn.execute(asked, {"p": values.pattern})]
    return Found("", count, tuple(dict.fromkeys(shown)))


def left_aside(conn: Connection) -> list[str]:
    """Return schemas that a restore has set aside: what is in them isn't searched."""
    asked = text("select nspname from pg_namespace where nspname like 'gis\\_before\\_%' order by 1")
    return list(conn.execute(asked).scalars())


@dataclass(frozen=True)
class Erased:
    """What was erased in the database, by place, and what is left of links of the audit: area, position and digest."""

    found: list[Found]
    links: list[tuple[str, int, str]]


def was_erased(conn: Connection, receipt: str) -> bool:
    """Return whether the audit says that this was erased: then nothing has brought it back since."""
    noted = [{"subject": "erasure", "detail": f"回执 {receipt}"}]
    asked = text("select exists (select from gis.audit where entries @> cast(:noted as jsonb))")
    return bool(conn.execute(asked, {"noted": orjson.dumps(noted).decode()}).scalar())


def erase_values(conn: Connection, values: Values, receipt: str) -> Erased:
    """Erase the values from every table; return what was changed.

    Rows of personal tables are deleted. Elsewhere a value gives way to ``■■``: in current rows as a change like any
    other, and in the versions before it. The audit notes each of these, under the number of the receipt.

    Raises
    ------
    ConflictError
        When a rule of the layer doesn't allow the text that would be left; nothing has changed then.
    """
    conn.execute(text("set local statement_timeout = 0"))
    conn.execute(text("select set_config('gis.actor', 'operator', true), set_config('gis.role', 'operator', true)"))
    found = []
    for place in places():
        try:
            rows = _delete(conn, place, values, receipt) if place.whole else _blot(conn, place, values, receipt)
        except IntegrityError as error:
            column = getattr(getattr(error.orig, "diag", None), "constraint_name", "") or "?"
            raise ConflictError(
                f"“{place.title}”里有一行去掉该内容后不合规则({column});什么都没有删除。"
                "请先把那一行的编码或内容改掉(页面或上传),再运行一次。",
                f"A row of {place.table.name} may not be without the value; nothing has changed.",
            ) from error
        if rows:
            found.append(Found(place.title, rows))
    links = _blot_audit(conn, values)
    if links:
        found.append(Found("审计记录的说明", len(links)))
    rows = sum(one.rows for one in found)
    note_erasure(conn, receipt, rows)
    return Erased(found, links)


def note_erasure(conn: Connection, receipt: str, rows: int) -> None:
    """Note for the audit that so many rows were erased under a receipt."""
    conn.execute(_NOTE_ERASURE, {"receipt": receipt, "rows": rows})


_NOTE_ERASURE = text("""
    insert into gis.touch values (pg_current_xact_id()::text, '', 'erasure', 'erase', :receipt, '回执 ' || :receipt,
      :rows, false)""")


def _holds(place: Place) -> str:
    parts = [f'"{name}" ~ :p' for name in place.texts]
    parts += [f"array_to_string(\"{name}\", ' ') ~ :p" for name in place.lists]
    parts += [f'"{name}"::text ~ :p' for name in place.documents]
    return "(" + " or ".join(parts) + ")"


def _delete(conn: Connection, place: Place, values: Values, receipt: str) -> int:
    return _noted(conn, place, f"delete from gis.{place.table.name} where {_holds(place)}", values, receipt)


def _blot(conn: Connection, place: Place, values: Values, receipt: str) -> int:
    rows = _blot_documents(conn, place, values)
    plain = replace(place, documents=())
    changes = [f"\"{name}\" = regexp_replace(\"{name}\", :p, '{BLOT}', 'g')" for name in plain.texts]
    changes += [
        f"\"{name}\" = array(select regexp_replace(x, :p, '{BLOT}', 'g')"
        f' from unnest("{name}") with ordinality u (x, n) order by n)'
        for name in plain.lists
    ]
    if not changes:
        return rows
    change = f"update gis.{place.table.name} set {', '.join(changes)} where {_holds(plain)}"
    return rows + _noted(conn, place, change, values, receipt)


_NOTE = """
    insert into gis.touch as t select pg_current_xact_id()::text, c, :subject, 'erase', '', :receipt, count(*), false
    from done group by 2
    on conflict (xact, community, subject, operation, key, detail) do update set rows = t.rows + excluded.rows"""


def _noted(conn: Connection, place: Place, change: str, values: Values, receipt: str) -> int:
    """Change rows, and note for the audit in which communities; return how many."""
    community = "community" if "community" in place.table.columns else "''"
    given = {"p": values.pattern, "subject": place.table.name, "receipt": f"回执 {receipt}"}
    asked = f"with done as ({change} returning {community} as c), noted as ({_NOTE}) select count(*) from done"
    return int(conn.execute(text(asked), given).scalar_one())


def _blot_documents(conn: Connection, place: Place, values: Values) -> int:
    keys = [f'"{column.name}"' for column in place.table.primary_key.columns]
    changed = 0
    for name in place.documents:
        asked = f'select {", ".join(keys)}, "{name}"::text as held from gis.{place.table.name}'
        rows = conn.execute(text(f'{asked} where "{name}"::text ~ :p'), {"p": values.pattern})
        here = " and ".join(f"{key} = :k{number}" for number, key in enumerate(keys))
        change = text(f'update gis.{place.table.name} set "{name}" = cast(:new as jsonb) where {here}')
        for row in rows.all():
            new = orjson.dumps(_without(orjson.loads(row.held), values.blot)).decode()
            conn.execute(change, {**{f"k{number}": part for number, part in enumerate(row[:-1])}, "new": new})
            changed += 1
    return changed


def _without(document: Any, blot: Callable[[str], str]) -> Any:
    """Return a JSON document without the values: in texts, in names, and where a number is one."""
    if isinstance(document, dict):
        return {blot(name): _without(value, blot) for name, value in document.items()}
    if isinstance(document, list):
        return [_without(value, blot) for value in document]
    if isinstance(document, str):
        return blot(document)
    if isinstance(document, int | float) and not isinstance(document, bool):
        written = str(int(document)) if float(document).is_integer() else str(document)
        return document if blot(written) == written else BLOT
    return document


def _blot_audit(conn: Connection, values: Values) -> list[tuple[str, int, str]]:
    """Take the values out of the audit's texts.

    The link keeps its digest, so that the next one still follows it, but loses its salt, without which nobody can try
    whether a guess fits the digest. What is left of it is held by the link that this transaction adds.
    """
    links = conn.execute(
        text("select area, position, entries::text as held from gis.audit where entries::text ~ :p"),
        {"p": values.pattern},
    ).all()
    left = []
    for area, position, held in links:
        new = orjson.dumps(_without(orjson.loads(held), values.blot)).decode()
        conn.execute(_BLOT_LINK, {"area": area, "position": position, "new": new})
        conn.execute(_NOTE_LINK, {"area": area, "position": position})
        left.append((area, position, conn.execute(_DIGEST, {"area": area, "position": position}).scalar_one()))
    return left


_BLOT_LINK = text(
    "update gis.audit set entries = cast(:new as jsonb), salt = null, erased_at = now()"
    " where area = :area and position = :position"
)
_DIGEST = text("""
    select encode(gis.audit_digest(previous, area, position, at, actor, role, upload, entries, null), 'hex')
    from gis.audit where area = :area and position = :position""")
_NOTE_LINK = text("""
    insert into gis.touch select pg_current_xact_id()::text, area, 'audit', 'erase', position::text,
      encode(gis.audit_digest(previous, area, position, at, actor, role, upload, entries, null), 'hex'), 1, false
    from gis.audit where area = :area and position = :position""")


def wipe(conn: Connection, *, whole: bool) -> None:
    """Write the tables anew, so that no page of theirs holds what was erased; outside of transactions.

    Parameters
    ----------
    whole
        Whether the role is a superuser's, who may do the same for the planner's statistics, which hold values of
        columns too, and close the log.
    """
    conn.execute(text("set statement_timeout = 0"))
    tables: Sequence[str] = [place.table.name for place in places()] + ["audit", "touch"]
    for name in tables:
        conn.execute(text(f"vacuum (full, analyze) gis.{name}"))
    if whole:
        conn.execute(text("vacuum full pg_catalog.pg_statistic"))
        conn.execute(text("select pg_switch_wal()"))
        conn.execute(text("checkpoint"))


def new_receipt() -> str:
    """Return the number of a receipt."""
    return uuid.uuid4().hex[:12]
