"""The life cycles of a case as tables: its states, and who may make which step under what requirement.

A residents' committee cannot file a case in the legal sense (立案), order, determine an illegal structure or grade a
major hazard; it registers, dissuades, handles what it can, and hands the rest up (安全生产法 art. 75). So it
has a flow of its own beside the one of the street (GB/T 30428.8: 立案、派遣、处置、核查、结案).

Pages, API and documentation are derived from these declarations, and the database refuses every other step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from layers.catalog.hazard import HazardFlow, HazardLevel, HazardStatus
from layers.code import Code
from layers.errors import DeclarationError


class Office(Code):
    """In which capacity somebody makes a step: by their role, and by how large their area is."""

    WORKER = "worker", "网格"
    COMMUNITY = "community", "社区"
    STREET = "street", "街道"


class Requirement(Code):
    """What a step must say, by the name of the member in which it says it."""

    NOTE = "note", "情况说明"
    HANDLER = "handler", "处置岗位"
    DEPARTMENT = "department", "移交部门"
    REFERENCE = "reference", "对方的编号或文号"
    DUE = "due_on", "期限"
    LEVEL = "level", "等级"
    MAIN = "main_code", "主案编码"


class Graveness(Code):
    """Of which cases a step may be made: major hazards, and those suspected to be, go up and nowhere else."""

    ANY = "any", "所有"
    ORDINARY = "ordinary", "非重大"
    DETERMINED = "determined", "等级已认定"
    DETERMINES = "determines", "认定等级"


@dataclass(frozen=True)
class Step:
    """One step of a flow.

    Attributes
    ----------
    name, title
        For machines and for people; a name means one thing in all flows.
    sources
        The states in which it may be made.
    target
        The state it leads to; None where the case stays where it is.
    offices
        Who may make it.
    requires, offers
        What must be said, and what may be.
    limit
        Code of the time limit that the new state has (:mod:`layers.time_limits`): a step's own, or ``event``, which
        is the limit of the case's event; None where the running limit goes on, or nothing is waited for.
    graves
        Of which cases it may be made.
    target_flow
        The flow that the case goes over to; None where it stays in its own.
    attends
        In which offices who makes it has seen to the case for that day, so that nobody needs to go there any more.
    """

    name: str
    title: str
    sources: tuple[HazardStatus, ...]
    target: HazardStatus | None
    offices: tuple[Office, ...]
    requires: tuple[Requirement, ...] = ()
    offers: tuple[Requirement, ...] = ()
    limit: str | None = None
    graves: Graveness = Graveness.ANY
    target_flow: HazardFlow | None = None
    attends: tuple[Office, ...] = ()


@dataclass(frozen=True)
class Flow:
    """A life cycle: the state of a new case, and the steps.

    Raises
    ------
    DeclarationError
        At import, when two steps of one name leave one state.
    """

    flow: HazardFlow
    first: HazardStatus
    steps: tuple[Step, ...]

    @property
    def states(self) -> tuple[HazardStatus, ...]:
        """The states, in the order in which a case meets them."""
        found = {self.first, *(source for step in self.steps for source in step.sources)}
        return tuple(state for state in HazardStatus if state in found)

    def __post_init__(self) -> None:
        """Refuse a table that contradicts itself."""
        seen: set[tuple[str, str]] = set()
        for step in self.steps:
            for source in step.sources:
                if (step.name, source) in seen:
                    raise DeclarationError(f"layers/flows.py: {self.flow}: step {step.name} leaves {source} twice")
                seen.add((step.name, source))


_S = HazardStatus
_W, _C, _T = Office.WORKER, Office.COMMUNITY, Office.STREET
_ALL = (_W, _C, _T)
_R = Requirement

OVER = (_S.CLOSED, _S.REJECTED, _S.MERGED)
"""States after which a case is no longer open."""

GRAVE = (HazardLevel.MAJOR, HazardLevel.SUSPECTED)
"""Levels that go up at once: major, and suspected to be (安全生产法 art. 70, 75)."""

_OPEN_COMMUNITY = (
    _S.FOUND, _S.REGISTERED, _S.ADVISED, _S.RECTIFYING, _S.TRANSFERRED, _S.TRACKING, _S.RECHECK, _S.REWORK,
    _S.SUSPENDED,
)  # fmt: skip
_OPEN_STREET = (
    _S.FOUND, _S.FILED, _S.ASSIGNED, _S.RECTIFYING, _S.RECHECK, _S.REWORK, _S.SUSPENDED,
)  # fmt: skip


FIRST_STEP = "find"
"""The step that files a case: it begins the time within which it is registered, and is made once."""


def _everywhere(states: tuple[HazardStatus, ...], deciders: tuple[Office, ...]) -> tuple[Step, ...]:
    """Return what may be done with any open case: it stays where it is, or joins another one."""
    return (
        Step(FIRST_STEP, "发现", (_S.FOUND,), None, _ALL, (), (_R.NOTE,), "step.register"),
        Step("note", "补充记录", states, None, _ALL, (_R.NOTE,), attends=(_W,)),
        Step("assign", "指派", states, None, deciders, (_R.HANDLER,), (_R.NOTE,)),
        Step(
            "suspect",
            "标为疑似重大",
            states,
            None,
            _ALL,
            (_R.NOTE,),
            limit="step.transfer_suspected",
            graves=Graveness.ORDINARY,
        ),
        Step("determine", "认定等级", states, None, (_T,), (_R.LEVEL, _R.NOTE), graves=Graveness.DETERMINES),
        Step("extend", "延期", states, None, deciders, (_R.DUE, _R.NOTE)),
        Step("merge", "并案", states, _S.MERGED, deciders, (_R.MAIN,), (_R.NOTE,), graves=Graveness.ORDINARY),
    )


_COMMUNITY = Flow(
    HazardFlow.COMMUNITY,
    _S.FOUND,
    (
        Step("register", "登记", (_S.FOUND,), _S.REGISTERED, _ALL, (), (_R.NOTE, _R.HANDLER), "step.notify"),
        Step("reject", "不予受理", (_S.FOUND, _S.REGISTERED), _S.REJECTED, (_C, _T), (_R.NOTE,),
             graves=Graveness.ORDINARY),
        Step("advise", "劝导告知", (_S.REGISTERED, _S.REWORK), _S.ADVISED, _ALL, (_R.NOTE,), (_R.DUE,), "event",
             attends=_ALL),
        Step("handle", "自行处置", (_S.REGISTERED, _S.ADVISED, _S.REWORK), _S.RECTIFYING, _ALL, (),
             (_R.NOTE, _R.HANDLER, _R.DUE), "event", Graveness.ORDINARY, attends=_ALL),
        Step("transfer", "上报移交", (_S.FOUND, _S.REGISTERED, _S.ADVISED, _S.RECTIFYING, _S.REWORK, _S.SUSPENDED),
             _S.TRANSFERRED, _ALL, (_R.DEPARTMENT,), (_R.NOTE, _R.REFERENCE), "step.track", attends=_ALL),
        Step("track", "跟踪", (_S.TRANSFERRED, _S.TRACKING), _S.TRACKING, _ALL, (_R.NOTE,), (_R.REFERENCE,),
             "step.track", attends=_ALL),
        Step("accept", "街道立案", (_S.TRANSFERRED, _S.TRACKING), _S.FILED, (_T,), (), (_R.NOTE, _R.REFERENCE),
             "step.dispatch", target_flow=HazardFlow.STREET),
        Step("ask_recheck", "报请复查", (_S.ADVISED, _S.RECTIFYING), _S.RECHECK, _ALL, (_R.NOTE,), (), "step.recheck",
             Graveness.ORDINARY, attends=_ALL),
        Step("report_back", "反馈待复查", (_S.TRANSFERRED, _S.TRACKING), _S.RECHECK, _ALL, (_R.NOTE,),
             (_R.REFERENCE,), "step.recheck", attends=_ALL),
        Step("close", "复查通过,办结", (_S.RECHECK,), _S.CLOSED, _ALL, (_R.NOTE,), graves=Graveness.DETERMINED,
             attends=_ALL),
        Step("fail", "复查不合格,返工", (_S.RECHECK,), _S.REWORK, _ALL, (_R.NOTE,), (_R.DUE,), "event",
             attends=_ALL),
        Step("suspend", "挂账", (_S.REGISTERED, _S.ADVISED, _S.RECTIFYING, _S.TRACKING, _S.REWORK), _S.SUSPENDED,
             (_C, _T), (_R.NOTE, _R.DUE), graves=Graveness.ORDINARY),
        Step("resume", "恢复办理", (_S.SUSPENDED,), _S.REGISTERED, (_C, _T), (), (_R.NOTE,), "step.notify"),
        Step("reopen", "重新办理", OVER, _S.REWORK, (_C, _T), (_R.NOTE,), (), "event"),
        *_everywhere(_OPEN_COMMUNITY, (_C, _T)),
    ),
)  # fmt: skip

_STREET = Flow(
    HazardFlow.STREET,
    _S.FOUND,
    (
        Step("file", "立案", (_S.FOUND,), _S.FILED, (_T,), (), (_R.NOTE,), "step.dispatch"),
        Step("decline", "不予立案", (_S.FOUND, _S.FILED), _S.REJECTED, (_T,), (_R.NOTE,)),
        Step("dispatch", "派遣", (_S.FILED, _S.REWORK), _S.ASSIGNED, (_T,), (_R.HANDLER,),
             (_R.DEPARTMENT, _R.NOTE, _R.DUE), "event"),
        Step("dispose", "处置", (_S.ASSIGNED,), _S.RECTIFYING, (_T,), (), (_R.NOTE,), "event", attends=_ALL),
        Step("report_done", "处置完毕", (_S.ASSIGNED, _S.RECTIFYING), _S.RECHECK, (_T,), (_R.NOTE,), (),
             "step.recheck", attends=_ALL),
        Step("close", "核查通过,结案", (_S.RECHECK,), _S.CLOSED, (_T,), (_R.NOTE,), attends=_ALL),
        Step("fail", "核查不通过,返工", (_S.RECHECK,), _S.REWORK, (_T,), (_R.NOTE,), (_R.DUE,), "event", attends=_ALL),
        Step("suspend", "挂账", (_S.FILED, _S.ASSIGNED, _S.RECTIFYING, _S.REWORK), _S.SUSPENDED, (_T,),
             (_R.NOTE, _R.DUE)),
        Step("resume", "恢复办理", (_S.SUSPENDED,), _S.FILED, (_T,), (), (_R.NOTE,), "step.dispatch"),
        Step("return", "退回社区", (_S.FILED, _S.ASSIGNED), _S.TRACKING, (_T,), (_R.NOTE,), (), "step.track",
             target_flow=HazardFlow.COMMUNITY),
        Step("reopen", "重新办理", OVER, _S.REWORK, (_T,), (_R.NOTE,), (), "event"),
        *_everywhere(_OPEN_STREET, (_T,)),
    ),
)  # fmt: skip

FLOWS: Mapping[HazardFlow, Flow] = MappingProxyType({flow.flow: flow for flow in (_COMMUNITY, _STREET)})
"""Both flows by their code."""

ATTENDING: Mapping[str, tuple[Office, ...]] = MappingProxyType(
    {step.name: step.attends for flow in FLOWS.values() for step in flow.steps if step.attends}
)
"""Steps after which a case has been seen to for the day, and in which offices."""


@dataclass(frozen=True)
class Move:
    """One line of the table that the database holds: a step from one state."""

    flow: HazardFlow
    source: HazardStatus
    step: Step

    @property
    def target_flow(self) -> HazardFlow:
        """The flow after the step."""
        return self.step.target_flow or self.flow

    @property
    def target(self) -> HazardStatus:
        """The state after the step."""
        return self.step.target or self.source


def moves() -> Iterator[Move]:
    """Yield every step from every state it may be made in."""
    for flow in FLOWS.values():
        for step in flow.steps:
            for source in step.sources:
                yield Move(flow.flow, source, step)
