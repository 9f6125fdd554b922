"""Edits of phones: each is taken in once, as a whole or not at all, and either written or kept for a person.

Nothing that a phone sends is dropped: what can't be written as it is waits in ``sync_edit`` with the reason, and a
phone that sends it again, because it never heard the answer, gets that answer. What arrives in one message is one
transaction with a savepoint for each edit: a crash before its commit leaves nothing of it, and the phone, which has
heard nothing, still has all of it.
"""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from typing import Annotated, Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from gis_service.case_tables import SYNC_EDIT
from gis_service.cases.steps import Clock, read_offices
from gis_service.database import Database
from gis_service.documents_sent import FIRST_MOMENT
from gis_service.errors import (
    ConflictError,
    EndedError,
    ForbiddenError,
    InputError,
    NotFoundError,
    ServiceError,
    UnauthenticatedError,
    UnavailableError,
)
from gis_service.scope import Scope
from gis_service.sync.applying import KINDS, Doing, Edit, apply
from gis_service.sync.kept import kept
from gis_service.sync.locks import lock_objects
from layers.flows import Office

_LOG = logging.getLogger(__name__)

MOST: Final = 50
"""Edits that one message brings."""


class Sent(BaseModel):
    """What a phone sends: its edits in the order in which they were made."""

    model_config = ConfigDict(extra="forbid")

    device: Annotated[str, Field(max_length=80)] = ""
    edits: Annotated[list[Edit], Field(min_length=1, max_length=MOST)]
    account: Annotated[str | None, Field(max_length=80)] = None

    def refuse_other(self, scope: Scope) -> None:
        """Raise ConflictError when the edits are another account's: a phone may be shared."""
        if self.account is not None and self.account != scope.actor:
            raise ConflictError(
                f"这些改动是账户 {self.account} 做的,没有写入;请用 {self.account} 登录后上传。",
                "The edits are another account's; nothing was written.",
            )


@dataclass(frozen=True)
class Outcome:
    """What became of an edit.

    Attributes
    ----------
    state
        ``applied``, or ``conflict``, which waits with its ``problem``; later ``settled`` or ``dropped``. ``taken``
        tells that the identifier is another edit's: nothing was written or kept, and the phone must take a new one.
    """

    id: uuid.UUID
    state: str
    result: Mapping[str, Any]
    problem: str | None = None


class _HiddenError(Exception):
    """Identifiers stand for edits that whoever asks doesn't see."""

    def __init__(self, hidden: Collection[uuid.UUID]) -> None:
        super().__init__(f"{len(hidden)} identifiers are taken")
        self.hidden = frozenset(hidden)


def take_edits(
    database: Database, scope: Scope, community: str, edits: Sequence[Edit], device: str,
    seconds: float = math.inf,
) -> list[Outcome]:  # fmt: skip
    """Write each edit or keep it for a person; one that is sent again is what it was.

    Parameters
    ----------
    seconds
        After how many seconds no further edit is begun; the first one always is.

    Returns
    -------
    list of Outcome
        What became of the edits, in their order, as far as they were taken.

    Raises
    ------
    UnavailableError, EndedError, ForbiddenError
        When nothing can be kept now: the phone keeps all of them.
    """
    hidden: frozenset[uuid.UUID] = frozenset()
    ends = time.monotonic() + seconds
    while True:
        try:
            with database.write(scope) as conn:
                return _take(conn, scope, community, edits, device, hidden, ends)
        except _HiddenError as found:
            # What was done under these identifiers is undone, and the others are done once more.
            hidden |= found.hidden


_KNOWN = text(
    "select e.id, e.state, e.result, e.problem, (e.kind, e.body) = (r.kind, r.body) as same from gis.sync_edit e"
    " join jsonb_to_recordset(cast(:rows as jsonb)) as r(id uuid, kind text, body jsonb) on r.id = e.id"
    # Said once more for the index: of the rows of a document PostgreSQL can't tell how few they are.
    " where e.community = :community and e.id = any(:ids)"
)
_KEEP = text(
    "insert into gis.sync_edit (community, id, kind, body, device, made_at, state, result, problem, areas, received_at)"
    " select :community, r.id, r.kind, r.body, :device, r.made_at, r.state, r.result, r.problem, :areas,"
    # Later ones are later, so that whoever reads them reads them in the order in which they were applied.
    "  clock_timestamp() + ordinality * interval '1 microsecond'"
    " from rows from (jsonb_to_recordset(cast(:rows as jsonb)) as (id uuid, kind text, body jsonb, made_at timestamptz,"
    "  state text, result jsonb, problem text)) with ordinality as r"
    " on conflict do nothing returning id"
)


def _take(
    conn: Connection, scope: Scope, community: str, edits: Sequence[Edit], device: str, hidden: frozenset[uuid.UUID],
    ends: float,
) -> list[Outcome]:  # fmt: skip
    lock_objects(conn, community, edits)
    first = {edit.id: edit for edit in reversed(edits)}
    asked = [{"id": one.id, "kind": one.kind, "body": kept(one.body)} for one in first.values()]
    known = conn.execute(_KNOWN, {"community": community, "ids": list(first), "rows": _text(asked)}).all()
    outcomes = {
        row.id: Outcome(row.id, row.state, row.result, row.problem) if row.same else _taken(row.id) for row in known
    }
    outcomes |= {one: _taken(one) for one in hidden}
    tried, clocks = list[Edit](), dict[str, Clock]()
    for edit in edits:
        if edit.id not in outcomes:
            if tried and time.monotonic() > ends:
                break
            outcomes[edit.id] = _tried(Doing(conn, scope, community, edit, clocks=clocks))
            tried.append(edit)
    if tried:
        _keep(conn, scope, community, tried, outcomes, device)
    return [
        outcomes[edit.id] if (edit.kind, edit.body) == (first[edit.id].kind, first[edit.id].body) else _taken(edit.id)
        for edit in takewhile(lambda edit: edit.id in outcomes, edits)
    ]


def _keep(
    conn: Connection, scope: Scope, community: str, edits: Sequence[Edit], outcomes: Mapping[uuid.UUID, Outcome],
    device: str,
) -> None:  # fmt: skip
    """Write down what became of edits, so that they are what they were when they are sent again."""
    now = datetime.now(UTC)
    rows = [
        {
            "id": edit.id, "kind": edit.kind, "body": kept(edit.body),
            "made_at": max(min(edit.made_at, now), FIRST_MOMENT),
            "state": outcomes[edit.id].state, "result": outcomes[edit.id].result,
            "problem": outcomes[edit.id].problem,
        }
        for edit in edits
    ]  # fmt: skip
    given = {
        "community": community, "device": device, "areas": list(scope.narrowed(community).areas), "rows": _text(rows),
    }  # fmt: skip
    written = set(conn.execute(_KEEP, given).scalars())
    lost = {edit.id for edit in edits} - written
    if lost:
        raise _HiddenError(lost)


def _taken(identifier: uuid.UUID) -> Outcome:
    return Outcome(identifier, "taken", {}, "这个标识已用于另一条改动,没有写入;请换一个标识再提交。")


def _tried(doing: Doing) -> Outcome:
    """Apply an edit within a savepoint: what fails leaves nothing but the reason."""
    if doing.edit.suspect and not doing.edit.grave:
        said = f"位置可疑:{doing.edit.suspect}。请核对位置后决定。"
        return Outcome(doing.edit.id, "conflict", {}, said)
    try:
        with _savepoint(doing.conn):
            result, problem = apply(doing)
    except (UnavailableError, UnauthenticatedError, EndedError, OperationalError):
        raise
    except ServiceError as error:
        # Whoever decides about it later must hear of a doubtful place, too.
        doubt = f"位置可疑:{doing.edit.suspect}。" if doing.edit.suspect else ""
        return Outcome(doing.edit.id, "conflict", {}, f"{error}{doubt}")
    except Exception as error:
        # One edit that nobody has thought of must not keep all that a phone has behind it from being taken in.
        if doing.conn.invalidated:
            raise
        _LOG.exception("edit %s of kind %s", doing.edit.id, doing.edit.kind)
        said = f"服务没有处理成这条改动({type(error).__name__}),原样留着;请联系管理员。"
        return Outcome(doing.edit.id, "conflict", {}, said)
    return Outcome(doing.edit.id, "conflict" if problem else "applied", result, problem)


@contextmanager
def _savepoint(conn: Connection) -> Iterator[None]:
    # SQLAlchemy's own costs as much as the statements of a small edit.
    conn.exec_driver_sql("savepoint edit")
    try:
        yield
    except BaseException:
        # With a connection that is gone, all of the transaction is.
        if not conn.invalidated:
            conn.exec_driver_sql("rollback to savepoint edit")
        raise
    conn.exec_driver_sql("release savepoint edit")


def _text(document: Any) -> str:
    """Return a document as JSON: days and identifiers as texts."""
    return orjson.dumps(document, default=str).decode()


def decide(database: Database, scope: Scope, community: str, identifier: uuid.UUID, take: str) -> Outcome:
    """Decide about an edit that waits: ``mine`` writes it whatever others did since, ``present`` leaves what is.

    Of a change of which a part was written when it arrived, ``mine`` is about the fields that clashed and no others.

    Raises
    ------
    InputError, NotFoundError, ConflictError
        When it is neither, there is no such edit, or it is decided already; and what writing it raises.
    """
    if take not in {"mine", "present"}:
        raise InputError(f"take {take[:40]!r} 不对:应为 mine 或 present。", "take is mine or present.")
    mine = (SYNC_EDIT.c.community == community, SYNC_EDIT.c.id == identifier)
    with database.write(scope) as conn:
        if not {Office.COMMUNITY, Office.STREET} & set(read_offices(conn, community)):
            raise ForbiddenError(
                "改动的冲突由社区工作人员决定。",
                "Whoever made an edit doesn't decide about it; the community's staff do.",
            )
        row = conn.execute(select(SYNC_EDIT).where(*mine).with_for_update()).mappings().one_or_none()
        if row is None:
            raise NotFoundError("没有这条改动,或不在您的范围内。", "There is no such edit within your area.")
        if row["state"] != "conflict":
            raise ConflictError("这条改动已经处理过了。", "The edit is settled already.")
        result, state = dict(row["result"]), "dropped"
        if take == "mine":
            edit = Edit(id=row["id"], kind=row["kind"], made_at=row["made_at"], body=row["body"])
            clashed = [one["field"] for one in result.get("differences", [])] or None
            again, _ = apply(Doing(conn, scope, community, edit, insist=True, decided=clashed, made_by=row["actor"]))
            result, state = {**result, **again}, "settled"
        conn.execute(
            SYNC_EDIT.update().where(*mine).values(
                state=state, result=orjson.loads(_text(result)), settled_at=datetime.now(UTC), settled_by=scope.actor
            )
        )  # fmt: skip
    return Outcome(identifier, state, result, row["problem"])


def list_edits(conn: Connection, community: str, state: str | None, limit: int) -> list[dict[str, Any]]:
    """Return the edits of a state that the scope sees, the latest first."""
    query = select(SYNC_EDIT).where(SYNC_EDIT.c.community == community)
    if state is not None:
        query = query.where(SYNC_EDIT.c.state == state)
    rows = conn.execute(query.order_by(SYNC_EDIT.c.received_at.desc(), SYNC_EDIT.c.id).limit(limit)).mappings()
    shown = (
        "id", "kind", "made_at", "received_at", "actor", "device", "state", "problem", "body", "result", "settled_at",
        "settled_by",
    )  # fmt: skip
    return [
        {
            **{name: row[name] for name in shown if row[name] is not None},
            "kind_title": KINDS.get(row["kind"], row["kind"]),
            "differences": row["result"].get("differences", []),
        }
        for row in rows
    ]
