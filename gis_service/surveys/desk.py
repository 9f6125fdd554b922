"""The survey desk: a file is received, read and kept as a proposal; questions are answered; someone commits it.

Each step is one transaction, and what stands between two steps lies in the database and in the folder of originals: a
kill at any moment leaves the step before it. A commit that is repeated finds what it wrote.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from sqlalchemy import Update, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Connection

from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.errors import ConflictError, InputError, NotFoundError, ServiceError, UnavailableError
from gis_service.jobs import Job, Progress, enqueue
from gis_service.proposal_tables import MODES, PROPOSAL
from gis_service.scope import Scope
from gis_service.surveys.answers import check_columns, reading_of, remember_headers
from gis_service.surveys.files.reading import INTERACTIVE, JOB, ReadLimits
from gis_service.surveys.layer_of_file import layer_of_file
from gis_service.surveys.originals import Originals
from gis_service.surveys.proposal import Proposal
from gis_service.surveys.proposal_rows import Kept, RowProblem, count_steps, keep_rows
from gis_service.surveys.propose import propose
from gis_service.surveys.questions import OpenQuestionError
from gis_service.surveys.report import report_of
from layers.layer import Layer
from layers.record import Source
from layers.registry import LAYERS

SMALL_BYTES = 4 * 1024 * 1024
"""Files up to this size are read while the sender waits; larger ones are jobs."""
SHORT_ROWS = 20_000
"""Rows up to which a small file is read while the sender waits: what is told of each takes the service's memory."""
READING_JOB, COMMIT_JOB = "upload", "commit"


@dataclass(frozen=True)
class Sent:
    """A file as it arrives, and what its sender says of it.

    Attributes
    ----------
    layer
        The layer's name; None leaves it to the file.
    mode, grid
        ``append``, ``upsert``, or ``replace`` with the code of the grid whose features the file replaces.
    key
        Idempotency key: the same file under the same key is the same upload.
    answers
        Answers to questions that would be asked: ``crs``, ``sheet``, ``layer``, ``column:`` and a header; and how the
        file is to be read besides: ``dissolve`` and ``where`` (see :class:`gis_service.surveys.proposal.Reading`).
    ask_columns
        Whether columns that likely mean a field are asked about; else they are told and not imported.
    """

    file: BinaryIO
    name: str
    layer: str | None = None
    mode: str = "upsert"
    grid: str | None = None
    key: str | None = None
    source: Source = Source.SURVEYED
    attribution: str | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    ask_columns: bool = True


@dataclass(frozen=True)
class Waiting:
    """A proposal as it stands: the columns of its table, see :mod:`gis_service.proposal_tables`."""

    row: Mapping[str, Any]

    @property
    def kept(self) -> Kept:
        """What its rows are named by."""
        return Kept(self.row["community"], self.row["id"])

    @property
    def layer(self) -> Layer:
        """Its layer; InputError while that is an open question."""
        if self.row["layer"] is None:
            raise InputError("还没有选定图层;请先回答问题。", "The layer isn't chosen yet.")
        return LAYERS[self.row["layer"]]

    def change(self, **values: Any) -> Update:
        """Return the statement that gives its columns other values."""
        named = (PROPOSAL.c.community == self.row["community"], PROPOSAL.c.id == self.row["id"])
        return update(PROPOSAL).where(*named).values(**values)


@dataclass(frozen=True)
class Desk:
    """Where files are received: the database, whose they are, and the folder of originals."""

    database: Database
    scope: Scope
    originals: Originals

    def receive(self, community: str, sent: Sent) -> uuid.UUID:
        """Keep a file and its proposal, still unread; return the upload's identifier.

        Raises
        ------
        InputError
            When mode, grid or layer can't be.
        ConflictError
            When the key stands for another file.
        """
        _check_wishes(community, sent)
        _check_scope(community, self.scope)
        identifier = uuid.uuid4()
        stored = self.originals.keep(identifier, sent.file, PurePosixPath(sent.name).suffix.lower()[:12] or ".bin")
        try:
            with self.database.write(self.scope) as conn:
                read_area(conn, community)
                # Of two that come at once under one key, the second waits here for the first.
                added = conn.execute(
                    upsert(PROPOSAL)
                    .values(
                        community=community, id=identifier, key=sent.key or str(identifier), state="processing",
                        layer=sent.layer, mode=sent.mode, grid=sent.grid, file_name=sent.name[:255],
                        sha256=stored.sha256, bytes=stored.bytes, source=str(sent.source),
                        attribution=sent.attribution, answers=_said_of(sent),
                    )
                    .on_conflict_do_nothing(constraint="proposal_key_key")
                    .returning(PROPOSAL.c.id)
                )  # fmt: skip
                if added.first():
                    return identifier
                found = _of_key(conn, community, sent.key or "")
                _check_same(found, sent, stored.sha256)
        except UnavailableError:
            # Whether the proposal is in the database isn't known: if it is, it needs its file.
            raise
        except BaseException:
            self.originals.remove(identifier)
            raise
        self.originals.remove(identifier)
        return uuid.UUID(str(found["id"]))

    def read(self, identifier: uuid.UUID, *, at_once: bool | None = None) -> Waiting:
        """Read a received file: small ones now, large ones as a job; return the proposal as it then stands.

        Raises
        ------
        InputError
            When a file that is read now can't be used; nothing of it is kept then.
        """
        waiting = self.find(identifier)
        if waiting.row["state"] not in {"processing", "needs_answer"}:
            return waiting
        if at_once or (at_once is None and waiting.row["bytes"] <= SMALL_BYTES):
            try:
                self.work(identifier, *((INTERACTIVE, _only_while_short) if at_once is None else (JOB,)))
            except _LongReadingError:
                self._leave_to_worker(waiting)
            except Exception:
                # Whatever it was: its sender is told so, and knows of no upload that could be discarded.
                with suppress(ServiceError):
                    self.discard(identifier)
                raise
        else:
            self._leave_to_worker(waiting)
        return self.find(identifier)

    def _leave_to_worker(self, waiting: Waiting) -> None:
        with self.database.write(self.scope) as conn:
            conn.execute(waiting.change(state="processing", questions=[]))
            enqueue(conn, self.scope, waiting.row["community"], READING_JOB, {"upload": str(waiting.row["id"])})

    def work(self, identifier: uuid.UUID, limits: ReadLimits, progress: Progress | None = None) -> None:
        """Read the file and keep what it proposes, or what must be asked; nothing while someone else is at it."""
        waiting = self.find(identifier)
        row = waiting.row
        path = self.originals.find(identifier)
        try:
            with self.database.write(self.scope, str(identifier)) as conn:
                if not _taken_up(conn, waiting):
                    return
                reading = reading_of(conn, row, limits)
                layer = LAYERS[row["layer"]] if row["layer"] else layer_of_file(path, reading)
                proposal = propose(conn, layer, row["community"], path, reading, progress)
                _keep(conn, waiting, proposal)
        except OpenQuestionError as asked:
            questions = [one.document() for one in asked.questions]
            with self.database.write(self.scope) as conn:
                conn.execute(waiting.change(state="needs_answer", questions=questions, problem=str(asked)))

    def answer(self, identifier: uuid.UUID, answers: Mapping[str, str]) -> Waiting:
        """Take answers to the questions of an upload and read the file anew.

        Raises
        ------
        InputError
            When nothing was asked of that name.
        ConflictError
            When the upload is committed or being read.
        NotFoundError
            When the file is kept no longer; what it proposed stays as it is.
        """
        waiting = self.find(identifier)
        if waiting.row["state"] not in {"needs_answer", "proposed"}:
            raise ConflictError("这次上传现在没有待回答的问题。", "The upload has no open question now.")
        asked = {one["name"] for one in waiting.row["questions"]} | {"crs", "layer", "sheet"}
        for name in answers:
            if name not in asked and not name.startswith("column:"):
                raise InputError(
                    f"没有问过 {name[:60]!r};可以回答的有:{'、'.join(sorted(asked))}。", f"{name!r} wasn't asked."
                )
        given = {**waiting.row["answers"], **answers}
        layer = given.get("layer", waiting.row["layer"])
        _check_layer(layer)
        check_columns(layer, given)
        self.originals.find(identifier)
        with self.database.write(self.scope) as conn:
            begun = waiting.change(answers=given, layer=layer, state="processing", questions=[])
            if not conn.execute(begun.where(PROPOSAL.c.state == waiting.row["state"])).rowcount:
                raise ConflictError("这次上传刚刚由别人处理;请看结果后再试。", "Someone has just dealt with it.")
            remember_headers(conn, waiting.row["community"], layer, answers)
        return self._read_again(identifier, waiting.row["questions"])

    def _read_again(self, identifier: uuid.UUID, questions: list[dict[str, Any]]) -> Waiting:
        waiting = self.find(identifier)
        if waiting.row["bytes"] > SMALL_BYTES:
            return self.read(identifier)
        try:
            self.work(identifier, INTERACTIVE, _only_while_short)
        except _LongReadingError:
            self._leave_to_worker(waiting)
        except ServiceError as error:
            # An answer that the file contradicts, or a database that is away, mustn't cost the sender the file, nor
            # the questions that may be answered otherwise.
            with self.database.write(self.scope) as conn:
                conn.execute(waiting.change(state="needs_answer", problem=str(error), questions=questions))
            raise
        return self.find(identifier)

    def find(self, identifier: uuid.UUID) -> Waiting:
        """Return a proposal; NotFoundError when there is none or the scope doesn't see it."""
        with self.database.read(self.scope) as conn:
            return find_proposal(conn, identifier)

    def discard(self, identifier: uuid.UUID) -> None:
        """Let go of a proposal that nothing was written of, and of its file."""
        waiting = self.find(identifier)
        if waiting.row["state"] == "committed":
            raise ConflictError("这次上传已经入库,不能丢弃;请撤回。", "The upload is committed; revert it instead.")
        with self.database.write(self.scope) as conn:
            conn.execute(
                text("delete from gis.proposal where community = :community and id = :proposal"), waiting.kept.named
            )
        self.originals.remove(identifier)


def find_proposal(conn: Connection, identifier: uuid.UUID, *, for_update: bool = False) -> Waiting:
    """Return a proposal; NotFoundError when there is none or the scope doesn't see it."""
    query = select(PROPOSAL).where(PROPOSAL.c.id == identifier)
    row = conn.execute(query.with_for_update() if for_update else query).mappings().one_or_none()
    if row is None:
        raise NotFoundError(f"没有编号为 {identifier} 的上传,或不在您的范围内。", "There is no such upload.")
    return Waiting(dict(row))


def read_in_background(desk: Desk, job: Job, progress: Progress) -> None:
    """Do the job of reading a large file; what is wrong with the file is the proposal's problem, not the job's."""
    identifier = uuid.UUID(job.subject["upload"])
    waiting = desk.find(identifier)
    if waiting.row["state"] != "processing":
        return
    try:
        desk.work(identifier, JOB, progress)
    except InputError as error:
        with desk.database.write(desk.scope) as conn:
            conn.execute(waiting.change(state="refused", problem=str(error)))
        # Nobody can read it, and what is in it is nobody's business any more.
        desk.originals.remove(identifier)


def _taken_up(conn: Connection, waiting: Waiting) -> bool:
    """Lock a proposal for reading; False when another process reads it, or it is read."""
    asked = select(PROPOSAL.c.state).where(
        PROPOSAL.c.community == waiting.row["community"], PROPOSAL.c.id == waiting.row["id"]
    )
    return conn.execute(asked.with_for_update(skip_locked=True)).scalar() in {"processing", "needs_answer"}


def queue_again(desk: Desk) -> int:
    """Queue the files that were received and that nobody reads: whoever was at them was killed; return how many."""
    with desk.database.write(desk.scope) as conn:
        found = conn.execute(
            text(
                "select p.community, p.id from gis.proposal p where p.state = 'processing' and not exists"
                " (select from gis.job j where j.community = p.community and j.subject ->> 'upload' = p.id::text"
                "  and j.state in ('waiting', 'running', 'failed')) for update of p skip locked"
            )
        ).all()
        for community, identifier in found:
            enqueue(conn, desk.scope, community, READING_JOB, {"upload": str(identifier)})
    return len(found)


class _LongReadingError(Exception):
    """A small file has so many rows that a worker must read it."""


def _only_while_short(done: int, total: int | None) -> None:
    if max(done, total or 0) > SHORT_ROWS:
        raise _LongReadingError


def _of_key(conn: Connection, community: str, key: str) -> Mapping[str, Any]:
    asked = select(PROPOSAL).where(PROPOSAL.c.community == community, PROPOSAL.c.key == key)
    return dict(conn.execute(asked).mappings().one())


def _said_of(sent: Sent) -> dict[str, str]:
    return {**sent.answers, **({} if sent.ask_columns else {"ask_columns": "no"})}


def _check_same(found: Mapping[str, Any], sent: Sent, sha256: str) -> None:
    if (found["sha256"], found["file_name"]) != (sha256, sent.name[:255]):
        raise ConflictError(
            f"幂等键 {sent.key!r} 已用于另一次上传({found['file_name']});请换一个键。",
            f"The key {sent.key!r} stands for another file.",
        )


def _check_wishes(community: str, sent: Sent) -> None:
    _check_layer(sent.layer)
    check_columns(sent.layer, sent.answers)
    if sent.mode not in MODES:
        raise InputError(f"mode {sent.mode[:40]!r} 不对:应为 {'、'.join(MODES)}。", f"mode is one of {MODES}.")
    if (sent.mode == "replace") != (sent.grid is not None):
        raise InputError(
            "替换(replace)要写明网格(grid,15 位代码),别的方式不要写。", "replace needs a grid, other modes none."
        )
    if sent.grid is not None and not (sent.grid.isdigit() and len(sent.grid) == 15 and sent.grid.startswith(community)):
        raise InputError(
            f"网格代码 {sent.grid[:40]!r} 不对:应为 15 位数字,以 {community} 开头。",
            "The grid's code is wrong.",
        )
    if not sent.name or len(sent.name) > 255 or any(ord(sign) < 32 for sign in sent.name):
        raise InputError("文件名为空、太长或有控制字符;请改名后再上传。", "The file's name can't be used.")


def _check_scope(community: str, scope: Scope) -> None:
    """Refuse one grid's people: a file is compared with the whole community, and has rows for all of it."""
    if not any(community.startswith(code) for code in scope.areas) and scope.narrowed(community).areas:
        raise NotFoundError(
            f"社区 {community} 不全在您的范围内;上传要整个社区的范围。", "Uploads take a whole community's scope."
        )


def _check_layer(name: str | None) -> None:
    if name is not None and name not in LAYERS:
        listed = "、".join(f"{layer.name}({layer.title})" for layer in LAYERS.values())
        raise InputError(f"没有图层 {name[:60]!r};有:{listed}。", f"There is no layer {name[:60]!r}.")


def _still_read(conn: Connection, waiting: Waiting) -> None:
    """Lock the proposal; ConflictError when it was decided about, or discarded, while its file was being read."""
    asked = select(PROPOSAL.c.state).where(PROPOSAL.c.id == waiting.row["id"]).with_for_update()
    if conn.execute(asked).scalar() not in {"processing", "needs_answer"}:
        raise ConflictError("读文件的时候,这次上传已被处理或丢弃。", "The upload was dealt with while it was read.")


def _keep(conn: Connection, waiting: Waiting, proposal: Proposal) -> None:
    _still_read(conn, waiting)
    refused: dict[int, str] = {}
    for one in proposal.refusals:
        refused.setdefault(one.row, one.code)
    problems = [RowProblem(one.row, one.field, one.reason) for one in proposal.refusals]
    keep_rows(conn, waiting.kept, proposal.staging, refused, [*problems, *proposal.warnings], proposal.waiting)
    report = {**report_of(proposal), "counts": count_steps(conn, waiting.kept)}
    conn.execute(
        waiting.change(
            state="proposed", layer=proposal.layer.name, questions=[], problem=None, report=report,
            fields=[one.name for one in proposal.staging.fields], for_new=sorted(proposal.staging.for_new),
        )
    )  # fmt: skip
