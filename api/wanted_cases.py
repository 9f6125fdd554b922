"""What is asked of a list of cases, by the parameters that the list and the desk share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from api.dependencies import DayParameter
from gis_service.cases.listing import KINDS, MOST, Wanted


def _several(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part for part in text.split(",") if part)


async def wanted_of(
    kind: Annotated[str, Query(pattern=f"^({'|'.join(KINDS)})$", description="哪一类案件")] = "open",
    status: Annotated[str | None, Query(description="状态,逗号分隔")] = None,
    flow: Annotated[str | None, Query(pattern="^(community|street)$", description="流程")] = None,
    level: Annotated[str | None, Query(description="等级,逗号分隔")] = None,
    event: Annotated[str | None, Query(description="事件编码,逗号分隔")] = None,
    grid: Annotated[str | None, Query(pattern=r"^[0-9]{15}$", description="15 位网格代码")] = None,
    handler: Annotated[str | None, Query(max_length=120, description="处置岗位")] = None,
    department: Annotated[str | None, Query(max_length=40, description="移交部门")] = None,
    since: DayParameter = None, until: DayParameter = None,
    q: Annotated[str | None, Query(max_length=80, description="编码、描述、岗位、文号里的字")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="最多几件")] = 200,
    offset: Annotated[int, Query(ge=0, le=1_000_000, description="从第几件起")] = 0,
) -> Wanted:  # fmt: skip
    """Return what is asked for."""
    return Wanted(
        kind, _several(status), flow, _several(level), _several(event), grid, handler, department, since, until, q,
        limit, offset,
    )  # fmt: skip


WantedOf = Annotated[Wanted, Depends(wanted_of)]
