"""What an edit of a phone does to the rows: by its kind, within whatever transaction it is given."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.engine import Connection

from gis_service.cases.case import take_case
from gis_service.cases.filing import NewCase, file_case
from gis_service.cases.steps import Clock, StepSent, make_step, read_clock
from gis_service.documents_sent import read_document
from gis_service.errors import InputError, NotFoundError
from gis_service.features.received import read_changes, read_feature_sent
from gis_service.features.transact import Conditions, create_feature
from gis_service.reference_systems import CRS84
from gis_service.scope import Scope
from gis_service.sync.merge import GEOMETRY, Merged, merge_change
from gis_service.visits.record import NewVisit, record_visit
from layers.flows import GRAVE
from layers.layer import Layer
from layers.registry import LAYERS

KINDS: Final = {
    "case": "登记案件", "step": "案件步骤", "visit": "走访", "change": "修改要素", "feature": "新增要素",
}  # fmt: skip
"""Kinds of edits, with their Chinese names."""


class Edit(BaseModel):
    """An edit as a phone keeps it: made once, under an identifier of its own.

    ``suspect`` is why its place oughtn't be relied on: such an edit waits for a person, who looks at the place.

    ``body`` is a case, a step (``case`` beside what a step says), a visit, a change (``layer``, ``feature``, ``base``,
    ``before``, ``properties``, ``geometry``) or a new feature (``layer``, ``properties``, ``geometry``).
    """

    model_config = ConfigDict(extra="forbid")

    id: uuid.UUID
    kind: Annotated[str, Field(max_length=20)]
    made_at: AwareDatetime
    body: dict[str, Any]
    suspect: Annotated[str | None, Field(max_length=200)] = None

    @property
    def grave(self) -> bool:
        """Whether it files what may be a major hazard, which is told at once even where its place is doubtful."""
        return self.kind == "case" and self.body.get("level") in GRAVE


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
class Doing:
    """An edit, in whose transaction it is applied, and for whom.

    Attributes
    ----------
    insist
        Whether somebody decided that it is written whatever others did since.
    decided
        The fields that they decided about, where only some of them clashed; None for all.
    made_by
        Who made it, where somebody else decides about it; None for the scope's own account.
    clocks
        What time limits are reckoned with, by community, as far as it was read in this transaction.
    """

    conn: Connection
    scope: Scope
    community: str
    edit: Edit
    insist: bool = False
    decided: Collection[str] | None = None
    made_by: str | None = None
    clocks: dict[str, Clock] = field(default_factory=dict)

    def clock(self, community: str) -> Clock:
        """Return what time limits are reckoned with in a community."""
        if community not in self.clocks:
            self.clocks[community] = read_clock(self.conn, community)
        return self.clocks[community]

    def document(self) -> dict[str, Any]:
        """Return the body, with the edit's identifier and moment where it has none of its own."""
        return {"id": str(self.edit.id), "at": self.edit.made_at, **self.edit.body}


def apply(doing: Doing) -> tuple[dict[str, Any], str | None]:
    """Do what an edit says; return what was written, and what clashes in one sentence.

    Raises
    ------
    ServiceError
        When it can't be written as it is.
    """
    known = _APPLIED.get(doing.edit.kind)
    if known is None:
        raise InputError(
            f"不认识这种改动 {doing.edit.kind[:20]!r};可能是终端的页面版本不同。", "The kind of edit isn't known."
        )
    return known(doing)


def _file(doing: Doing) -> tuple[dict[str, Any], str | None]:
    document = doing.document()
    if doing.edit.suspect:
        document["detail"] = f"{document.get('detail') or ''}(位置待核:{doing.edit.suspect})"
    given = read_document(NewCase, document)
    filed = file_case(doing.conn, doing.community, given, doing.clock(doing.community), doing.made_by)
    return {"case": f"{doing.community}.{filed.case.id}", "code": filed.case.code}, None


def _step(doing: Doing) -> tuple[dict[str, Any], str | None]:
    given = read_document(StepOfCase, doing.document())
    case = take_case(doing.conn, given.case, given.main_code)
    made = make_step(doing.conn, case, given, doing.clock(case.community))
    return {"case": f"{case.community}.{case.id}", "step": str(made)}, None


def _visit(doing: Doing) -> tuple[dict[str, Any], str | None]:
    given = read_document(NewVisit, doing.document())
    recorded = record_visit(
        doing.conn, doing.scope, doing.community, given, insist=doing.insist, decided=doing.decided,
        worker=doing.made_by,
    )  # fmt: skip
    told: dict[str, Any] = {"visit": f"{doing.community}.{recorded.id}", "code": recorded.code}
    return (told, None) if recorded.merged is None else _told(told, recorded.merged)


def _change(doing: Doing) -> tuple[dict[str, Any], str | None]:
    given = read_document(ChangeSent, doing.edit.body)
    layer = _layer(given.layer)
    document: dict[str, Any] = {"properties": given.properties}
    if given.geometry is not None:
        document[GEOMETRY] = given.geometry
    changes = read_changes(layer, document, CRS84, whole=False)
    merged = merge_change(
        doing.conn, layer, doing.scope, given.feature, given.base, changes, before=given.before,
        insist=doing.insist, decided=doing.decided,
    )  # fmt: skip
    return _told({"feature": merged.stamp.identifier}, merged)


def _feature(doing: Doing) -> tuple[dict[str, Any], str | None]:
    given = read_document(FeatureSent, doing.edit.body)
    layer = _layer(given.layer)
    document = {"type": "Feature", "properties": given.properties, "geometry": given.geometry}
    sent = read_feature_sent(layer, document, CRS84, new=True)
    stamp = create_feature(doing.conn, layer, doing.community, sent, Conditions(), doing.edit.id)
    return {"feature": stamp.identifier}, None


_APPLIED: Final[Mapping[str, Callable[[Doing], tuple[dict[str, Any], str | None]]]] = {
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
