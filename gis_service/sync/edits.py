"""Edits of phones: each is taken in once, in a transaction of its own, and either written or kept for a person.

Nothing that a phone sends is dropped: what can't be written as it is waits in ``sync_edit`` with the reason, and a
phone that sends it again, because it never heard the answer, gets that answer.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from gis_service.case_tables import SYNC_EDIT
from gis_service.cases.case import case_of, find_case
from gis_service.cases.filing import NewCase, file_case
from gis_service.cases.steps import StepSent, make_step, read_clock
from gis_service.database import Database
from gis_service.documents_sent import read_document
from gis_service.errors import (
    ConflictError,
    EndedError,
    InputError,
    NotFoundError,
    ServiceError,
    UnauthenticatedError,
    UnavailableError,
)
from gis_service.features.question import today
from gis_service.features.received import read_changes, read_feature_sent
from gis_service.features.transact import Conditions, create_feature
from gis_service.reference_systems import CRS84
from gis_service.scope import Scope
from gis_service.sync.merge import GEOMETRY, Merged, merge_change
from gis_service.visits.record import NewVisit, record_visit
from layers.layer import Layer
from layers.registry import LAYERS

KINDS: Final = {
    "case": "登记案件", "step": "案件步骤", "visit": "走访", "change": "修改要素", "feature": "新增要素",
}  # fmt: skip
"""Kinds of edits, with their Chinese names."""
MOST: Final = 50
"""Edits that one message brings."""


class Edit(BaseModel):
    """An edit as a phone keeps it: made once, under an identifier of its own.

    ``body`` is a case, a step (``case`` beside what a step says), a visit, a change (``layer``, ``feature``, ``base``,
    ``before``, ``properties``, ``geometry``) or a new feature (``layer``, ``properties``, ``geometry``).
    """

    model_config = ConfigDict(extra="forbid")

    id: uuid.UUID
    kind: Annotated[str, Field(max_length=20)]
    made_at: AwareDatetime
    body: dict[str, Any]


class Sent(BaseModel):
    """What a phone sends: its edits in the order in which they were made."""

    model_config = ConfigDict(extra="forbid")

    device: Annotated[str, Field(max_length=80)] = ""
    edits: Annotated[list[Edit], Field(min_length=1, max_length=MOST)]


class ChangeSent(BaseModel):
    """A change of a feature; ``base`` is the version that the phone had."""

    model_config = ConfigDict(extra="forbid")

    layer: str
    feature: Annotated[str, Field(max_length=120)]
    base: int | None = None
    before: dict[str, Any] = Field(default_factory=dict)
    properties: dict[str, Any] = Field(default_factory=dict)
    geometry: dict[str, Any] | None = None


class FeatureSent(BaseModel):
    """A new feature."""

    model_config = ConfigDict(extra="forbid")

    layer: str
    properties: dict[str, Any]
    geometry: dict[str, Any]


class StepOfCase(StepSent):
    """A step, and of which case."""

    case: Annotated[str, Field(max_length=120)]


@dataclass(frozen=True)
class Outcome:
    """What became of an edit: ``applied``, or ``conflict`` with the reason; later ``settled`` or ``dropped``."""

    id: uuid.UUID
    state: str
    result: Mapping[str, Any]
    problem: str | None = None


@dataclass(frozen=True)
class _Doing:
    conn: Connection
    scope: Scope
    community: str
    edit: Edit
    insist: bool = False


def take_edit(database: Database, scope: Scope, community: str, edit: Edit, device: str) -> Outcome:
    """Write an edit, or keep it for a person; sent again, it is what it was.

    Raises
    ------
    UnavailableError, EndedError, ForbiddenError
        When nothing can be kept now: the phone keeps it.
    """
    with database.write(scope) as conn:
        known = conn.execute(
            select(SYNC_EDIT.c.state, SYNC_EDIT.c.result, SYNC_EDIT.c.problem).where(
                SYNC_EDIT.c.community == community, SYNC_EDIT.c.id == edit.id
            )
        ).one_or_none()
        if known is not None:
            return Outcome(edit.id, known.state, known.result, known.problem)
        outcome = _tried(_Doing(conn, scope, community, edit))
        conn.execute(
            insert(SYNC_EDIT).values(
                community=community, id=edit.id, kind=edit.kind, body=_plain(edit.body), device=device,
                made_at=min(edit.made_at, datetime.now(UTC)), state=outcome.state, result=_plain(outcome.result),
                problem=outcome.problem, areas=list(scope.narrowed(community).areas),
            )
        )  # fmt: skip
    return outcome


def _tried(doing: _Doing) -> Outcome:
    """Apply an edit within a savepoint: what fails leaves nothing but the reason."""
    try:
        with doing.conn.begin_nested():
            result, problem = apply(doing)
    except (UnavailableError, UnauthenticatedError, EndedError):
        raise
    except ServiceError as error:
        return Outcome(doing.edit.id, "conflict", {}, str(error))
    return Outcome(doing.edit.id, "conflict" if problem else "applied", result, problem)


def apply(doing: _Doing) -> tuple[dict[str, Any], str | None]:
    """Do what an edit says; return what was written, and what clashes in one sentence."""
    known = _APPLIED.get(doing.edit.kind)
    if known is None:
        raise InputError(
            f"不认识这种改动 {doing.edit.kind[:20]!r};可能是终端的页面版本不同。", "The kind of edit isn't known."
        )
    return known(doing)


def _file(doing: _Doing) -> tuple[dict[str, Any], str | None]:
    given = read_document(NewCase, {"id": str(doing.edit.id), "at": doing.edit.made_at, **doing.edit.body})
    filed = file_case(doing.conn, doing.community, given, read_clock(doing.conn, doing.community))
    return {"case": f"{doing.community}.{filed.case.id}", "code": filed.case.code}, None


def _step(doing: _Doing) -> tuple[dict[str, Any], str | None]:
    given = read_document(StepOfCase, {"id": str(doing.edit.id), "at": doing.edit.made_at, **doing.edit.body})
    case = case_of(find_case(doing.conn, given.case, today()))
    made = make_step(doing.conn, case, given, read_clock(doing.conn, case.community))
    return {"case": f"{case.community}.{case.id}", "step": str(made)}, None


def _visit(doing: _Doing) -> tuple[dict[str, Any], str | None]:
    given = read_document(NewVisit, {"id": str(doing.edit.id), "at": doing.edit.made_at, **doing.edit.body})
    recorded = record_visit(doing.conn, doing.scope, doing.community, given, insist=doing.insist)
    told: dict[str, Any] = {"visit": f"{doing.community}.{recorded.id}", "code": recorded.code}
    return (told, None) if recorded.merged is None else _told(told, recorded.merged)


def _change(doing: _Doing) -> tuple[dict[str, Any], str | None]:
    given = read_document(ChangeSent, doing.edit.body)
    layer = _layer(given.layer)
    document: dict[str, Any] = {"properties": given.properties}
    if given.geometry is not None:
        document[GEOMETRY] = given.geometry
    changes = read_changes(layer, document, CRS84, whole=False)
    merged = merge_change(
        doing.conn, layer, doing.scope, given.feature, given.base, changes, before=given.before, insist=doing.insist
    )
    return _told({"feature": merged.stamp.identifier}, merged)


def _feature(doing: _Doing) -> tuple[dict[str, Any], str | None]:
    given = read_document(FeatureSent, doing.edit.body)
    layer = _layer(given.layer)
    document = {"type": "Feature", "properties": given.properties, "geometry": given.geometry}
    sent = read_feature_sent(layer, document, CRS84, new=True)
    stamp = create_feature(doing.conn, layer, doing.community, sent, Conditions(), doing.edit.id)
    return {"feature": stamp.identifier}, None


_APPLIED: Final[Mapping[str, Callable[[_Doing], tuple[dict[str, Any], str | None]]]] = {
    "case": _file, "step": _step, "visit": _visit, "change": _change, "feature": _feature,
}  # fmt: skip


def _told(result: dict[str, Any], merged: Merged) -> tuple[dict[str, Any], str | None]:
    told = {**result, "version": merged.stamp.version, "written": list(merged.written)}
    if not merged.clashes:
        return told, None
    told["differences"] = [asdict(one) for one in merged.clashes]
    titles = "、".join(one.title for one in merged.clashes)
    return told, f"离线期间别人也改了{titles},请决定用哪一个;其余已写入。"


def _layer(name: str) -> Layer:
    found = LAYERS.get(name)
    if found is None:
        raise NotFoundError(f"没有图层 {name[:40]!r}。", "There is no such layer.")
    return found


def _plain(document: Mapping[str, Any]) -> Any:
    """Return a document as JSON has it: days and identifiers as texts."""
    return orjson.loads(orjson.dumps(document, default=str))


def decide(database: Database, scope: Scope, community: str, identifier: uuid.UUID, take: str) -> Outcome:
    """Decide about an edit that waits: ``mine`` writes it whatever others did since, ``present`` leaves what is.

    Raises
    ------
    InputError, NotFoundError, ConflictError
        When it is neither, there is no such edit, or it is decided already; and what writing it raises.
    """
    if take not in {"mine", "present"}:
        raise InputError(f"take {take[:40]!r} 不对:应为 mine 或 present。", "take is mine or present.")
    mine = (SYNC_EDIT.c.community == community, SYNC_EDIT.c.id == identifier)
    with database.write(scope) as conn:
        row = conn.execute(select(SYNC_EDIT).where(*mine).with_for_update()).mappings().one_or_none()
        if row is None:
            raise NotFoundError("没有这条改动,或不在您的范围内。", "There is no such edit within your area.")
        if row["state"] != "conflict":
            raise ConflictError("这条改动已经处理过了。", "The edit is settled already.")
        result, state = dict(row["result"]), "dropped"
        if take == "mine":
            edit = Edit(id=row["id"], kind=row["kind"], made_at=row["made_at"], body=row["body"])
            again, _ = apply(_Doing(conn, scope, community, edit, insist=True))
            result, state = {**result, **again}, "settled"
        conn.execute(
            SYNC_EDIT.update().where(*mine).values(
                state=state, result=_plain(result), settled_at=datetime.now(UTC), settled_by=scope.actor
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
