"""管线."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from layers.code import Code
from layers.layer import Layer
from layers.record import Record, Survey, Unit
from layers.style import Style


class UtilityKind(Code):
    """What a line carries."""

    POWER = "power", "强电"
    TELECOM = "telecom", "弱电"
    STORM = "storm", "雨水"
    SEWAGE = "sewage", "污水"
    COMBINED = "combined", "雨污合流"
    GAS = "gas", "燃气"
    WATER = "water", "给水"
    OTHER = "other", "其他"


class Laying(Code):
    """How a line is laid."""

    OVERHEAD = "overhead", "架空"
    UNDERGROUND = "underground", "入地"
    WALL = "wall", "沿墙明敷"
    UNKNOWN = "unknown", "不详"


class LineState(Code):
    """State of a line; old overhead wires left after undergrounding are the 飞线 people complain of."""

    IN_USE = "in_use", "在用"
    BUILDING = "building", "在建"
    PLANNED = "planned", "规划"
    IDLE = "idle", "废弃未拆"
    TANGLED = "tangled", "飞线杂乱"
    REMOVED = "removed", "已拆除"


class UtilityLine(Record):
    """A line of electricity, communication, rain water, sewage, gas or water supply (管线)."""

    kind: Annotated[UtilityKind, Field(title="管线类型"), Survey("类型", "管线种类", "管线类别")]
    laying: Annotated[Laying, Field(title="敷设方式"), Survey("埋设方式", "架设方式", "敷设")] = Laying.UNKNOWN
    state: Annotated[LineState, Field(title="管线状态"), Survey("状态", "使用状态")] = LineState.IN_USE
    laid_on: Annotated[date | None, Field(title="敷设日期"), Survey("竣工日期", "完工日期", "建设日期", "入地日期")] = (
        None
    )
    diameter_mm: Annotated[
        int | None, Field(title="管径", ge=1, le=5000), Unit("mm"), Survey("直径", "管径(mm)", "DN")
    ] = None
    depth_m: Annotated[float | None, Field(title="埋深", ge=0, le=50), Unit("m"), Survey("埋设深度", "埋深(m)")] = None
    material: Annotated[str | None, Field(title="材质", max_length=60), Survey("管材")] = None
    owner_unit: Annotated[
        str | None, Field(title="权属单位", max_length=120), Survey("产权单位", "运营单位", "operator")
    ] = None


LAYER = Layer(
    name="utility_line",
    title="管线",
    summary="强电、弱电、雨水、污水、燃气等管线:架空或入地。",
    group="底图",
    record=UtilityLine,
    geometry="MULTILINESTRING",
    visibility="community",
    label="code",
    style=Style(
        color="#8a8a8a",
        width=1.6,
        by="kind",
        palette={
            "power": "#c1272d",
            "telecom": "#2a8f5b",
            "storm": "#4a90c2",
            "sewage": "#7a5230",
            "combined": "#6b6f2a",
            "gas": "#d18f00",
            "water": "#1f5fa8",
            "other": "#8a8a8a",
        },
        order=35,
        shown=False,
        min_zoom=15,
    ),
)
