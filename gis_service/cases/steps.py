"""Steps of a case: which may be made now, what each needs, and making one, which the database checks once more.

The time limit of the state that a step leads to begins with the step. It is reckoned here, in working time, and kept
with the step; what the limit was is seen later, whatever the rules say by then.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, insert, select, text
from sqlalchemy.engine import Connection, RowMapping
from sqlalchemy.exc import IntegrityError, ProgrammingError

from gis_service.case_tables import CASE_STEP
from gis_service.cases.case import Case
from gis_service.cases.work_calendar import PUBLISHED, WorkCalendar
from gis_service.cases.work_days import read_calendar
from gis_service.cases.working_time import assumed_years, due, remind_at
from gis_service.documents_sent import FIRST_MOMENT, Moment
from gis_service.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from gis_service.features.question import SHANGHAI
from gis_service.rules import read_time_limits
from layers.catalog.hazard import Department, HazardFlow, HazardLevel, HazardStatus
from layers.flows import FIRST_STEP, FLOWS, GRAVE, OVER, Graveness, Office, Requirement, Step
from layers.time_limits import TIME_LIMITS, TimeLimit, handling_limit

_HANDED_UP: Final = (HazardStatus.TRANSFERRED, HazardStatus.TRACKING)
"""States in which it is the superior who must hurry."""
_BEFORE_TRANSFER: Final = (HazardStatus.FOUND, HazardStatus.REGISTERED, HazardStatus.ADVISED)
SUSPECTED_LIMIT: Final = "step.transfer_suspected"


class StepSent(BaseModel):
    """A step as somebody makes it.

    ``step`` is its name in the flow; ``id`` the client's identifier: the same step sent again is made once; ``at`` when
    it was made on the spot, now where it isn't said. The others are what it says, by the names of
    :class:`layers.flows.Requirement`.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    step: Annotated[str, Field(max_length=40)]
    id: uuid.UUID | None = None
    at: Moment | None = None
    note: Annotated[str | None, Field(max_length=2000)] = None
    handler: Annotated[str | None, Field(max_length=120)] = None
    department: Department | None = None
    reference: Annotated[str | None, Field(max_length=80)] = None
    due_on: Annotated[date | None, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))] = None
    level: HazardLevel | None = None
    main_code: Annotated[str | None, Field(max_length=64)] = None

    @property
    def said(self) -> dict[str, object]:
        """What is said, without what is left out."""
        given = self.model_dump(include={one.value for one in Requirement}, exclude_none=True)
        found = {name: str(value) if isinstance(value, str) else value for name, value in given.items()}
        return {name: value for name, value in found.items() if value != ""}


@dataclass(frozen=True)
class Clock:
    """What time limits are reckoned with in one community."""

    calendar: WorkCalendar
    limits: Mapping[str, TimeLimit]

    def limit(self, code: str, event_code: str, level: HazardLevel) -> TimeLimit:
        """Return the limit of a code; ``event`` stands for the limit of the case's event."""
        return handling_limit(event_code, level, limits=self.limits) if code == "event" else self.limits[code]

    def run(self, code: str, event_code: str, level: HazardLevel, start: datetime) -> dict[str, datetime]:
        """Return ``due_at`` and ``remind_at`` of a limit that starts at a moment."""
        end = due(self.calendar, start, self.limit(code, event_code, level)).at
        return {"due_at": end, "remind_at": remind_at(self.calendar, start, end)}


_OWN = text(
    "select exists(select from gis.work_day where community = :community),"
    " exists(select from gis.area_rule where community = :community)"
)


def read_clock(conn: Connection, community: str) -> Clock:
    """Return the calendar and the limits of a community."""
    days, rules = conn.execute(_OWN, {"community": community}).one()
    return Clock(
        read_calendar(conn, community) if days else PUBLISHED,
        read_time_limits(conn, community) if rules else TIME_LIMITS,
    )


def read_offices(conn: Connection, community: str) -> tuple[Office, ...]:
    """Return in which capacities whoever asks makes steps in a community."""
    held = conn.execute(select(func.gis.offices_in(community))).scalar() or []
    return tuple(Office(one) for one in held)


def steps_from(case: Case, offices: Collection[Office]) -> list[Step]:
    """Return the steps that somebody in these capacities may make of a case as it stands."""
    return [
        step
        for step in FLOWS[case.flow].steps
        if case.status in step.sources
        and set(step.offices) & set(offices)
        and _fits(step, case.level)
        and step.name != FIRST_STEP
    ]


def _fits(step: Step, level: HazardLevel) -> bool:
    if step.graves is Graveness.DETERMINED:
        return level is not HazardLevel.SUSPECTED
    return level not in GRAVE or step.graves is not Graveness.ORDINARY


def make_step(conn: Connection, case: Case, wanted: StepSent, clock: Clock) -> uuid.UUID:
    """Make a step of a case; return its identifier. The same identifier again changes nothing.

    Parameters
    ----------
    case
        The case as :func:`gis_service.cases.case.take_case` gives it: the limits that go on are taken from it.

    Raises
    ------
    InputError
        When something that the step needs isn't said, or there is no such step.
    ConflictError
        When the step can't be made from the state the case is in.
    ForbiddenError
        When it isn't for whoever asks to make.
    """
    identifier = wanted.id or uuid.uuid4()
    done = conn.execute(
        select(CASE_STEP.c.case_id).where(CASE_STEP.c.community == case.community, CASE_STEP.c.id == identifier)
    ).scalar()
    if done is not None:
        if done != case.id:
            raise ConflictError("这个标识已用于另一件案件的步骤。", "The identifier is another case's step.")
        return identifier
    step = _step_of(case, wanted.step)
    if wanted.due_on is not None and Requirement.DUE not in (*step.requires, *step.offers):
        # The database can't tell this day from the one that the service gives a case at first.
        raise _says_too_much(step, Requirement.DUE)
    at = _moment(case, wanted)
    row = {"community": case.community, "id": identifier, "case_id": case.id, "step": wanted.step, "at": at}
    try:
        conn.execute(insert(CASE_STEP).values({**row, **wanted.said, **_times(case, step, wanted, clock, at)}))
    except IntegrityError as error:
        raise _refused(error, case, step) from error
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", "") != "42501":
            raise
        raise missing_case() from error
    return identifier


def _moment(case: Case, wanted: StepSent) -> datetime:
    """Return when a step was made: not before the one that went before, nor in the future, as the database has it."""
    now = datetime.now(UTC)
    return min(max(wanted.at or now, case.step_at or FIRST_MOMENT), now)


def _step_of(case: Case, name: str) -> Step:
    """Return the step of that name from the case's state, or from another one, whose refusal the database says."""
    named = [step for step in FLOWS[case.flow].steps if step.name == name]
    if not named:
        known = "、".join(dict.fromkeys(f"{step.name}({step.title})" for step in FLOWS[case.flow].steps))
        raise InputError(
            f"{case.flow.label}没有步骤 {name[:40]!r};有:{known}。", f"The flow has no step {name[:40]!r}."
        )
    return next((step for step in named if case.status in step.sources), named[0])


def _times(case: Case, step: Step, wanted: StepSent, clock: Clock, at: datetime) -> dict[str, datetime | date | None]:
    """Return the limits that begin with a step: of the new state, and of the whole case where it has none yet."""
    level = HazardLevel.SUSPECTED if step.name == "suspect" else HazardLevel(wanted.level or case.level)
    target = step.target or case.status
    found: dict[str, datetime | date | None] = {}
    state = _limit_of_state(case)
    if state and (_is_ordinary_after_all(case, step, level) or (step.name == "suspect" and case.status in _HANDED_UP)):
        found |= clock.run(state, case.event_code, level, at)
    elif step.name == "extend" or (step.name == "suspend" and wanted.due_on is not None):
        found |= _until(clock.calendar, wanted.due_on, at)
    elif step.limit is not None or (level in GRAVE and target in _BEFORE_TRANSFER and step.target is not None):
        grave = level in GRAVE and target in _BEFORE_TRANSFER
        found |= clock.run(SUSPECTED_LIMIT if grave else str(step.limit), case.event_code, level, at)
        if step.limit == "event" and wanted.due_on is not None and not grave:
            found |= _until(clock.calendar, wanted.due_on, at)
    elif step.target is None:
        # The case stays where it is, and so does its limit.
        found |= {"due_at": case.due_at, "remind_at": case.remind_at}
    # Where the step must say the day itself, a day of ours would hide that it wasn't said.
    said = wanted.due_on is not None or Requirement.DUE in step.requires
    if case.due_on is None and not said and target not in OVER:
        limit = clock.run("event", case.event_code, level, _start(case, at))["due_at"]
        found["due_on"] = (limit - timedelta(microseconds=1)).astimezone(SHANGHAI).date()
    return found


def _limit_of_state(case: Case) -> str | None:
    """Return the code of the limit that begins with the state in which a case is; None where there is none."""
    for step in FLOWS[case.flow].steps:
        begins = case.status in step.sources if step.name == FIRST_STEP else case.status is step.target
        if begins and step.limit:
            return step.limit
    return None


def _is_ordinary_after_all(case: Case, step: Step, level: HazardLevel) -> bool:
    return step.graves is Graveness.DETERMINES and case.level in GRAVE and level not in GRAVE


def assumed_years_of(row: Mapping[str, Any] | RowMapping, clock: Clock) -> tuple[int, ...]:
    """Return the years up to a case's limit whose holidays weren't known, so that only their weekends were left out.

    Parameters
    ----------
    row
        As :func:`gis_service.cases.case.find_case` gives it.
    """
    return () if row["due_at"] is None else assumed_years(clock.calendar, row["step_at"], row["due_at"])


def _start(case: Case, at: datetime) -> datetime:
    """Return when the limit of a whole case begins: at noon of the day it was found, at the latest now."""
    if case.found_on is None:
        return at
    return min(at, datetime.combine(case.found_on, time(12), SHANGHAI).astimezone(UTC))


def _until(calendar: WorkCalendar, day: date | None, at: datetime) -> dict[str, datetime | date | None]:
    """Return the limits of a day that somebody set: its end, and when to remind of it."""
    if day is None:
        return {}
    end = datetime.combine(day + timedelta(days=1), time(), SHANGHAI).astimezone(UTC)
    return {"due_at": end, "remind_at": remind_at(calendar, at, end)}


def _refused(error: IntegrityError, case: Case, step: Step) -> Exception:
    """Turn what the database says into one sentence."""
    diagnosis = getattr(error.orig, "diag", None)
    name, detail = (str(getattr(diagnosis, part, "") or "") for part in ("constraint_name", "message_detail"))
    found: Exception = error
    if name == "case_step_case":
        found = missing_case()
    elif name == "case_step_in_flow":
        stands = HazardStatus(detail).label if detail in set(HazardStatus) else case.status.label
        found = ConflictError(
            f"案件现在是“{stands}”,不能“{step.title}”,没有写入;请重新读取后再办。",
            f"The step {step.name} can't be made from the state that the case is in.",
        )
    elif name == "case_step_office":
        who = "、".join(Office(one).label for one in detail.split(",") if one)
        found = ForbiddenError(
            f"“{step.title}”由{who}办理,您的身份不能办。", f"The step {step.name} isn't for you to make."
        )
    elif name == "case_step_requires":
        found = InputError(
            f"“{step.title}”要写明{Requirement(detail).label}({detail})。", f"The step {step.name} needs {detail}."
        )
    elif name == "case_step_offers":
        found = _says_too_much(step, Requirement(detail))
    elif name in _SENTENCES:
        found = ConflictError(*_SENTENCES[name])
    elif name.endswith("_max_length"):
        found = InputError("情况说明最多 2000 字,岗位 120 字,文号 80 字。", "A text of the step is too long.")
    return found


def _says_too_much(step: Step, said: Requirement) -> InputError:
    return InputError(
        f"“{step.title}”不能写{said.label}({said})。", f"The step {step.name} doesn't say {said}."
    )  # fmt: skip


_SENTENCES: Final = {
    "case_step_graves": (
        "重大或疑似重大的隐患不能自行处置、不予受理、挂账或并案,请上报移交;疑似重大的认定等级以后才能办结。",
        "A major hazard, or one suspected to be, goes up; this step can't be made.",
    ),
    "case_step_level": (
        "等级只能在“认定等级”时写,为 01(一般)或 02(重大)。", "Only determining says a level, 01 or 02.",
    ),
    "case_step_main_code": (
        "没有编码为此的另一件未并案的案件,不能并入;请核对主案编码。", "There is no such main case.",
    ),
    "case_step_pkey": (
        "这个标识已被占用;请换一个。", "The identifier is taken.",
    ),
    "case_step_position_key": (
        "有人刚办了这件案件,没有写入;请重新读取后再办。", "Someone has just made a step of this case.",
    ),
}  # fmt: skip


def missing_case() -> NotFoundError:
    """Return the error for a case that isn't there, or isn't theirs."""
    return NotFoundError("没有这件案件,或不在您的范围内。", "There is no such case, or it lies outside your area.")


_JOURNAL = text(
    "select position, id, step, from_flow, from_state, to_flow, to_state, at, due_at, due_on, note, handler,"
    " department, reference, level, main_code, office, actor, recorded_at from gis.case_step"
    " where community = :community and case_id = :case order by position"
)


def read_journal(conn: Connection, case: Case) -> list[dict[str, Any]]:
    """Return the steps that a case went through, in their order, with the titles of what they say."""
    rows = conn.execute(_JOURNAL, {"community": case.community, "case": case.id}).mappings()
    return [_told(row) for row in rows]


def _told(row: RowMapping) -> dict[str, Any]:
    flow = FLOWS[HazardFlow(row["from_flow"])]
    titles = {step.name: step.title for step in flow.steps}
    told = {name: value for name, value in row.items() if value is not None}
    return {
        **told, "title": titles.get(row["step"], row["step"]),
        "from_title": HazardStatus(row["from_state"]).label, "to_title": HazardStatus(row["to_state"]).label,
    }  # fmt: skip
