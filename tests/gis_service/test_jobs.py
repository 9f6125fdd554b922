"""Long work: what it reports is written down, the end of it always, and it begins anew after a kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from gis_service.database import Database, open_engine
from gis_service.errors import UnavailableError
from gis_service.jobs import Job, Progress, enqueue, read_job, work_off
from gis_service.local_cluster import LocalCluster
from gis_service.people.accounts import add_account, end_area, set_active, set_role
from gis_service.scope import Scope


@pytest.fixture(scope="module")
def superuser(cluster: LocalCluster, database_name: str) -> Iterator[Engine]:
    engine = open_engine(cluster.url("postgres", database_name))
    yield engine
    engine.dispose()


def queued(database: Database, staff: Scope, area: str) -> str:
    with database.write(staff) as conn:
        return str(enqueue(conn, staff, area, "counting", {}))


def found(database: Database, staff: Scope, identifier: str) -> Job:
    with database.read(staff) as conn:
        return read_job(conn, identifier)


def test_the_last_report_is_written_however_soon_it_comes(
    database: Database, staff: Scope, area: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gis_service.jobs._REPORT_SECONDS", 60)
    identifier = queued(database, staff, area)
    seen = []

    def count(database: Database, _job: Job, progress: Progress) -> None:
        for done in (1, 2, 3):
            progress(done, 3)
            seen.append(found(database, staff, identifier).done)

    assert work_off(database, {"counting": count}) == 1
    # The second comes too soon after the first; the third is the end.
    assert seen == [1, 1, 3]
    job = found(database, staff, identifier)
    assert (job.state, job.done, job.total, job.attempts) == ("done", 3, 3, 1)


def test_work_that_was_broken_off_begins_from_nothing(database: Database, staff: Scope, area: str) -> None:
    identifier = queued(database, staff, area)

    def break_off(_database: Database, _job: Job, progress: Progress) -> None:
        progress(5, 9)
        raise UnavailableError("数据库走了。", "The database went away.")

    with pytest.raises(UnavailableError):
        work_off(database, {"counting": break_off})
    left = found(database, staff, identifier)
    assert (left.state, left.done, left.total) == ("running", 5, 9)

    def begin(database: Database, _job: Job, _progress: Progress) -> None:
        again = found(database, staff, identifier)
        assert (again.state, again.done, again.total, again.attempts) == ("running", 0, None, 2)

    assert work_off(database, {"counting": begin}) == 1
    assert found(database, staff, identifier).state == "done"


ENDINGS: dict[str, Callable[[Connection, str], None]] = {
    "disabled": lambda conn, _: set_active(conn, "sender", active=False),
    "another role": lambda conn, _: set_role(conn, "sender", "leader", "x"),
    "no area": lambda conn, area: end_area(conn, "sender", area),
    "nothing": lambda _conn, _area: None,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_work_of_an_account_that_may_no_more_is_not_done(
    database: Database, staff: Scope, area: str, superuser: Engine, ending: str
) -> None:
    operator = Scope("operator", "operator", ())
    with superuser.begin() as conn:
        conn.execute(text("truncate gis.account cascade"))
    with database.write(operator) as conn:
        add_account(conn, "sender", "staff", [area])
    identifier = queued(database, Scope("sender", "staff", (area,)), area)
    with database.write(operator) as conn:
        ENDINGS[ending](conn, area)
    done = []
    assert work_off(database, {"counting": lambda _database, job, _progress: done.append(job.id)}) == 1
    job = found(database, staff, identifier)
    assert (job.state, len(done)) == (("done", 1) if ending == "nothing" else ("failed", 0))
    assert job.problem is None or "sender 已停用或不再管这里" in job.problem


def test_work_that_cannot_be_done_fails_at_once_and_holds_nobody_up(
    database: Database, staff: Scope, area: str
) -> None:
    first, second = queued(database, staff, area), queued(database, staff, area)

    def fail(_database: Database, job: Job, _progress: Progress) -> None:
        if str(job.id) == first:
            raise ZeroDivisionError

    assert work_off(database, {"counting": fail}) == 2
    job = found(database, staff, first)
    assert (job.state, job.attempts) == ("failed", 1)
    assert "原因在服务的日志里" in (job.problem or "")
    assert found(database, staff, second).state == "done"


def test_work_that_was_cancelled_meanwhile_stays_so(
    database: Database, staff: Scope, area: str, superuser: Engine
) -> None:
    identifier = queued(database, staff, area)

    def cancel(_database: Database, job: Job, _progress: Progress) -> None:
        with superuser.begin() as conn:
            conn.execute(text("update gis.job set state = 'cancelled' where id::text = :id"), {"id": str(job.id)})

    assert work_off(database, {"counting": cancel}) == 1
    assert found(database, staff, identifier).state == "cancelled"
