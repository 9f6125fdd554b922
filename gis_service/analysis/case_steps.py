"""What analyses know of the steps of cases: until when they have time, in days, and what was seen to on a day."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.engine import Connection

from gis_service.case_tables import CASE_STEP
from gis_service.features.question import SHANGHAI
from layers.flows import ATTENDING


def read_step_limits(conn: Connection, community: str, on: date) -> dict[uuid.UUID, date]:
    """Return of each case of a community, by its identifier, the day on which its step of a day ends its time.

    Parameters
    ----------
    on
        The last step up to the end of that day counts. Cases without a step, and steps without a limit, are left out.
    """
    step = CASE_STEP.c
    query = (
        select(step.case_id, step.due_at)
        .ext(distinct_on(step.case_id))
        .where(step.community == community, step.at < _midnight(on + timedelta(days=1)))
        .order_by(step.case_id, step.position.desc())
    )
    # A limit of days ends with the first moment of the next one.
    ends = {case: due_at - timedelta(microseconds=1) for case, due_at in conn.execute(query) if due_at is not None}
    return {case: end.astimezone(SHANGHAI).date() for case, end in ends.items()}


def read_attended(conn: Connection, community: str, on: date) -> set[uuid.UUID]:
    """Return the cases of a community, by their identifiers, that somebody saw to on a day by a step."""
    step = CASE_STEP.c
    query = select(step.case_id).where(
        step.community == community,
        tuple_(step.step, step.office).in_([(name, office) for name, held in ATTENDING.items() for office in held]),
        step.at >= _midnight(on), step.at < _midnight(on + timedelta(days=1)),
    )  # fmt: skip
    return set(conn.execute(query).scalars())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)
