"""网格."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from layers.check import NoOverlap
from layers.code import Code
from layers.layer import Layer
from layers.record import Record, Survey, Unit
from layers.style import Style


class GridLevel(Code):
    """Which of the three things called 网格 is meant; only 治理网格 have a worker who answers for them."""

    UNIT = "unit", "单元网格"
    GOVERNANCE = "governance", "治理网格"
    MICRO = "micro", "微网格"


class GridKind(Code):
    """Whether a grid is one of homes, or set apart for firms, parks and markets (专属网格)."""

    BASIC = "basic", "基础网格"
    DEDICATED = "dedicated", "专属网格"


class Grid(Record):
    """A grid of community governance (网格): the area one post answers for."""

    code: Annotated[
        str,
        Field(
            title="网格编码",
            pattern=r"^[0-9]{15}$",
            min_length=15,
            max_length=15,
            description="15 digits: the community's 12 and a serial of 3, west to east, then north to south",
        ),
        Survey("编码", "编号", "代码", "网格代码", "网格编号", "单元网格编码", "id", identifies=True),
    ]
    level: Annotated[GridLevel, Field(title="网格层级"), Survey("层级", "级别", "网格级别")] = GridLevel.GOVERNANCE
    kind: Annotated[GridKind, Field(title="网格类型"), Survey("类型", "网格类别", "网格性质")] = GridKind.BASIC
    parent_code: Annotated[
        str | None,
        Field(title="上级网格编码", pattern=r"^[0-9]{15}$", description="the 治理网格 a 微网格 belongs to"),
        Survey("所属网格", "上级网格"),
    ] = None
    workers: Annotated[
        list[str] | None,
        Field(title="网格岗位", description="posts or accounts that work the grid, never names of persons"),
        Survey("责任岗位", "网格账号", "岗位", "网格员账号"),
    ] = None
    household_count: Annotated[
        int | None,
        Field(title="户数", ge=0, le=20000, description="as reported"),
        Unit("户"),
        Survey("住户数", "总户数"),
    ] = None
    resident_count: Annotated[
        int | None,
        Field(title="人口数", ge=0, le=100000, description="as reported"),
        Unit("人"),
        Survey("人口", "常住人口", "总人口"),
    ] = None


LAYER = Layer(
    name="grid",
    title="网格",
    summary="社区治理的网格:一个岗位负责的一片。",
    group="区划",
    record=Grid,
    geometry="MULTIPOLYGON",
    visibility="community",
    label="name",
    style=Style(color="#7a5c8e", width=1.8, dash="6 4", opacity=0.0, order=50, labelled_from=14),
    checks=(NoOverlap("survey.overlap_grid", within=("level",)),),
)
