"""Until when the steps of cases have time, in days: what analyses know of the limits that begin with a step."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.engine import Connection

from gis_service.case_tables import CASE_STEP
from gis_service.features.question import SHANGHAI


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


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)
