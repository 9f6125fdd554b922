"""道路."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from layers.code import Code
from layers.layer import Layer
from layers.record import Record, Survey, Unit
from layers.style import Style


class RoadKind(Code):
    """Class of a road; the stored values are the words open street data uses, where it has one."""

    MAJOR = "major_road", "主要道路"
    MINOR = "minor_road", "次要道路"
    ESTATE = "estate_road", "小区道路"
    FACTORY = "factory_road", "厂区道路"
    LANE = "lane", "巷弄"
    PATH = "path", "人行或非机动车道"
    RAIL = "rail", "轨道"
    FERRY = "ferry", "轮渡"
    OTHER = "other", "其他"


class Surface(Code):
    """What a road is paved with; 白改黑 turns concrete into asphalt."""

    ASPHALT = "asphalt", "沥青"
    CONCRETE = "concrete", "水泥"
    PAVED = "paved", "硬化路面(材质不详)"
    PAVING_STONES = "paving_stones", "砖石铺装"
    GRAVEL = "gravel", "碎石"
    FINE_GRAVEL = "fine_gravel", "细石"
    UNPAVED = "unpaved", "土路"
    OTHER = "other", "其他"


class RoadCondition(Code):
    """State of the pavement as seen on site."""

    GOOD = "good", "完好"
    FAIR = "fair", "一般"
    POOR = "poor", "破损"
    FAILED = "failed", "严重破损"


class Road(Record):
    """A segment of road (道路), with its pavement, width and whether fire engines need it."""

    kind: Annotated[
        RoadKind, Field(title="道路等级"), Survey("等级", "类型", "道路类型", "道路类别", "fclass", "highway")
    ] = RoadKind.OTHER
    surface: Annotated[Surface | None, Field(title="路面材质"), Survey("路面", "路面类型", "材质")] = None
    condition: Annotated[RoadCondition | None, Field(title="路面状况"), Survey("状况", "破损情况", "完好程度")] = None
    width_m: Annotated[
        float | None,
        Field(title="路宽", gt=0, le=100, description="clear width"),
        Unit("m"),
        Survey("宽度", "净宽", "width"),
    ] = None
    clear_height_m: Annotated[
        float | None,
        Field(title="净高", gt=0, le=100, description="least height under wires and arches"),
        Unit("m"),
        Survey("净空"),
    ] = None
    area_m2: Annotated[
        float | None,
        Field(title="路面面积", ge=0, le=1000000, description="as measured by the works; the line itself has none"),
        Unit("m²"),
        Survey("道路面积", "改造面积", "面积(㎡)"),
    ] = None
    renewed_on: Annotated[
        date | None, Field(title="改造日期"), Survey("翻修日期", "白改黑日期", "大修日期", "改造时间")
    ] = None
    fire_lane: Annotated[bool | None, Field(title="消防车通道"), Survey("消防通道", "是否消防通道")] = None
    lit: Annotated[bool | None, Field(title="路灯"), Survey("有无路灯", "照明")] = None
    manager: Annotated[
        str | None, Field(title="管养单位", max_length=120), Survey("养护单位", "管理单位", "operator")
    ] = None


LAYER = Layer(
    name="road",
    title="道路",
    summary="街道和小区道路:路面、宽度、状况与改造。",
    group="底图",
    record=Road,
    geometry="MULTILINESTRING",
    visibility="community",
    label="name",
    # The fill is the inner band of a cased line; a renderer without casing draws the outline's colour alone.
    style=Style(color="#b8b0a4", fill="#ffffff", width=3.0, opacity=1.0, order=30, labelled_from=14),
)
