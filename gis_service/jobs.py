"""Long work: a row that says what to do and how far it is, taken up by a worker process.

A worker holds an advisory lock of its session as long as it works on a job, so who is alive is known from the database
itself: when a worker is killed its lock is gone, and the next one takes the job up again. What a job does must
therefore be one transaction, or able to go on where it stopped.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from gis_service.database import Database, explained
from gis_service.errors import InputError, NotFoundError, ServiceError, UnavailableError
from gis_service.people.accounts import list_accounts
from gis_service.people.roles import OPERATOR
from gis_service.scope import Scope
from gis_service.tables import JOB

LOG = logging.getLogger(__name__)
MOST_ATTEMPTS = 5
_REPORT_SECONDS = 0.5

Progress = Callable[[int, int | None], None]
"""Called with how much is done, and how much there is in all where that is known."""


class JobCancelledError(ServiceError):
    """Raised by ``Progress`` when nobody wants the work any more."""


@dataclass(frozen=True)
class Job:
    """One piece of long work.

    Attributes
    ----------
    kind, subject
        What is to be done, and to what.
    state
        ``waiting``, ``running``, ``done``, ``failed`` or ``cancelled``.
    done, total
        Progress, in rows or sheets; ``total`` is None while it isn't known.
    """

    community: str
    id: uuid.UUID
    kind: str
    subject: Mapping[str, Any]
    state: str
    done: int
    total: int | None
    attempts: int
    problem: str | None
    actor: str
    role: str
    areas: tuple[str, ...]
    created_at: datetime
    finished_at: datetime | None

    @property
    def scope(self) -> Scope:
        """Whose work it is: a job may do what its sender might."""
        return Scope(self.actor, self.role, self.areas)


Handler = Callable[[Database, Job, Progress], None]


def enqueue(
    conn: Connection, scope: Scope, community: str, kind: str, subject: Mapping[str, Any],
    identifier: uuid.UUID | None = None,
) -> uuid.UUID:  # fmt: skip
    """Put work into the queue as part of the open transaction; return the job's identifier.

    ``identifier`` is that of the work's only subject, where there is but one job about it ever.
    """
    identifier = identifier or uuid.uuid4()
    conn.execute(
        insert(JOB).values(
            community=community, id=identifier, kind=kind, subject=dict(subject), role=scope.role,
            areas=list(scope.areas),
        )
    )  # fmt: skip
    return identifier


def read_job(conn: Connection, identifier: str) -> Job:
    """Return a job.

    Raises
    ------
    InputError
        When the text is no identifier.
    NotFoundError
        When the scope sees no such job.
    """
    try:
        known = uuid.UUID(identifier)
    except ValueError as error:
        raise InputError(f"工作编号 {identifier[:60]!r} 不对。", "A job's identifier is a UUID.") from error
    row = conn.execute(select(JOB).where(JOB.c.id == known)).mappings().one_or_none()
    if row is None:
        raise NotFoundError(f"没有编号为 {known} 的工作,或不在您的范围内。", "There is no such job.")
    return Job(**{**row, "areas": tuple(row["areas"])})


def job_of_upload(conn: Connection, upload: uuid.UUID) -> Job | None:
    """Return the latest job about an upload, if there ever was one."""
    about = JOB.c.subject["upload"].astext == str(upload)
    row = conn.execute(select(JOB).where(about).order_by(JOB.c.created_at.desc()).limit(1)).mappings().one_or_none()
    return None if row is None else Job(**{**row, "areas": tuple(row["areas"])})


def read_jobs(conn: Connection, identifiers: Collection[uuid.UUID]) -> dict[uuid.UUID, Job]:
    """Return those of the jobs that the scope sees."""
    rows = conn.execute(select(JOB).where(JOB.c.id.in_(identifiers))).mappings()
    return {row["id"]: Job(**{**row, "areas": tuple(row["areas"])}) for row in rows}


def unfinished(database: Database) -> list[tuple[str, str]]:
    """Return (community, identifier) of the jobs that nobody has finished, the oldest first."""
    with database.read(Scope("worker", "worker", ())) as conn:
        return [(community, str(identifier)) for community, identifier in conn.execute(_UNFINISHED)]


_UNFINISHED = text("select community, id from gis.unfinished_jobs()")


def work_off(database: Database, handlers: Mapping[str, Handler]) -> int:
    """Do every job that nobody else is at, one after the other; return how many were taken up.

    Raises
    ------
    UnavailableError
        When the database went away; the job that it was about is taken up again.
    """
    taken = 0
    for community, identifier in unfinished(database):
        with _held(database, identifier) as mine:
            if mine:
                taken += _work(database, community, identifier, handlers)
    return taken


@contextmanager
def _held(database: Database, identifier: str) -> Iterator[bool]:
    """Hold a job's lock in a session of its own; False when another worker holds it."""
    with explained(), database.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        key = {"id": identifier}
        mine = bool(conn.execute(text("select pg_try_advisory_lock(hashtextextended(:id, 1))"), key).scalar())
        try:
            yield mine
        finally:
            if mine:
                # A session that broke off holds no lock any more.
                with suppress(DBAPIError):
                    conn.execute(text("select pg_advisory_unlock(hashtextextended(:id, 1))"), key)


def _work(database: Database, community: str, identifier: str, handlers: Mapping[str, Handler]) -> bool:
    finder = Scope("worker", "worker", (community,))
    with database.write(finder) as conn:
        job = read_job(conn, identifier)
        if job.state not in {"waiting", "running"}:
            return False
        if job.attempts >= MOST_ATTEMPTS:
            _finish(conn, job, "failed", f"处理中断了 {job.attempts} 次,已放弃;请把它分成几份,或换小一些的纸张和范围。")
            return True
        if not _still_may(database, job):
            _finish(conn, job, "failed", f"账户 {job.actor} 已停用或不再管这里,没有做;请由别人重新提交。")
            return True
        conn.execute(_one(job).values(state="running", attempts=job.attempts + 1, done=0, total=None))
    try:
        with suppress(JobCancelledError):
            handlers[job.kind](database, job, _reporting(database, job))
    except UnavailableError:
        # That is no reason against the job.
        raise
    except ServiceError as error:
        with database.write(finder) as conn:
            _finish(conn, job, "failed", str(error))
        return True
    except Exception:
        # Trying again would fail again, and hold up everybody's work behind it.
        LOG.exception("job %s (%s) failed", identifier, job.kind)
        with database.write(finder) as conn:
            _finish(conn, job, "failed", "处理时出错,没有做成;原因在服务的日志里,请告诉管理员。")
        return True
    with database.write(finder) as conn:
        _finish(conn, job, "done", None)
        conn.execute(_one(job).where(JOB.c.state == "done").values(done=func.coalesce(JOB.c.total, JOB.c.done)))
    return True


def _still_may(database: Database, job: Job) -> bool:
    """Return whether the account that sent a job is still what it was; what no account sent is the service's own."""
    with database.read(Scope("worker", OPERATOR, ())) as conn:
        found = list_accounts(conn, job.actor)
    if not found:
        return True
    (account,) = found
    held = [one.area for one in account.areas]
    return account.active and account.role == job.role and all(
        any(area.startswith(own) for own in held) for area in job.areas
    )  # fmt: skip


def _one(job: Job) -> Any:
    return update(JOB).where(JOB.c.community == job.community, JOB.c.id == job.id)


def _finish(conn: Connection, job: Job, state: str, problem: str | None) -> None:
    # What was cancelled meanwhile stays so.
    conn.execute(
        _one(job).where(JOB.c.state != "cancelled").values(state=state, problem=problem, finished_at=text("now()"))
    )


def _reporting(database: Database, job: Job) -> Progress:
    """Return what writes the progress down, in transactions of their own and not too often."""
    last = 0.0

    def report(done: int, total: int | None) -> None:
        nonlocal last
        if done != total and time.monotonic() - last < _REPORT_SECONDS:
            return
        last = time.monotonic()
        # Work isn't given up because nobody could be told how far it is.
        with suppress(UnavailableError), database.write(job.scope) as conn:
            going_on = conn.execute(_one(job).where(JOB.c.state == "running").values(done=done, total=total)).rowcount
            if not going_on:
                raise JobCancelledError("这项工作已取消。", "The job was cancelled.")

    return report
