"""企业地块."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from layers.check import NoOverlap
from layers.code import Code
from layers.layer import Layer
from layers.record import Record, Survey, Unit
from layers.style import Style


class PlotKind(Code):
    """How a plot is used today; the stored values are the words open map data uses, where it has one."""

    INDUSTRIAL = "industrial", "工业厂区"
    STANDARD_WORKSHOP = "standard_workshop", "标准厂房园区"
    WAREHOUSE = "warehouse", "仓储物流"
    COMMERCIAL = "commercial", "商务办公"
    RETAIL = "retail", "商业零售"
    FUEL = "fuel", "加油加气站"
    CONSTRUCTION = "construction", "在建"
    VACANT = "vacant", "闲置"
    OTHER = "other", "其他"


class LandUse(Code):
    """Class of land use (土地利用现状分类, GB/T 21010-2017)."""

    RETAIL = "0501", "零售商业用地"
    WHOLESALE = "0502", "批发市场用地"
    CATERING = "0503", "餐饮用地"
    HOTEL = "0504", "旅馆用地"
    BUSINESS = "0505", "商务金融用地"
    OTHER_COMMERCE = "0507", "其他商服用地"
    INDUSTRY = "0601", "工业用地"
    STORAGE = "0604", "仓储用地"
    URBAN_DWELLING = "0701", "城镇住宅用地"
    RURAL_DWELLING = "0702", "农村宅基地"
    UNKNOWN = "unknown", "不详"


class Fencing(Code):
    """What stands around the plot; a wall with nothing behind it is how 厂中厂 begins."""

    WALL = "wall", "围墙"
    FENCE = "fence", "围栏"
    OPEN = "open", "无围挡"


class Drainage(Code):
    """Whether rain water and sewage are kept apart (雨污分流)."""

    SEPARATED = "separated", "雨污分流"
    MIXED = "mixed", "雨污混流"
    UNCHECKED = "unchecked", "未检查"


class EnterprisePlot(Record):
    """A plot of land held by one enterprise (企业地块), where tenants may produce beside the holder."""

    kind: Annotated[PlotKind, Field(title="地块类型"), Survey("类型", "地块性质", "fclass")] = PlotKind.OTHER
    land_use: Annotated[LandUse, Field(title="土地用途"), Survey("用地性质", "地类", "地类编码", "土地用途代码")] = (
        LandUse.UNKNOWN
    )
    lessor: Annotated[
        str | None,
        Field(title="权利人", max_length=160, description="the firm that holds the plot and lets it"),
        Survey("土地使用权人", "出租方", "出租单位", "产权单位", "业主单位"),
    ] = None
    lessor_code: Annotated[
        str | None,
        Field(title="权利人企业编码", max_length=64, description="code of the holder in the layer 企业"),
        Survey("出租方编码", "业主企业编码"),
    ] = None
    fenced: Annotated[Fencing | None, Field(title="围挡情况"), Survey("围墙", "围挡")] = None
    floor_area_m2: Annotated[
        float | None,
        Field(title="建筑面积", ge=0, le=5000000),
        Unit("m²"),
        Survey("厂房面积", "总建筑面积", "建筑面积(㎡)"),
    ] = None
    let_area_m2: Annotated[
        float | None, Field(title="出租面积", ge=0, le=5000000), Unit("m²"), Survey("出租厂房面积", "出租面积(㎡)")
    ] = None
    last_unified_check_on: Annotated[
        date | None,
        Field(title="最近统一检查", description="when the lessor last checked all tenants' safety"),
        Survey("统一检查日期", "出租方检查日期", "统一协调管理检查日期"),
    ] = None
    drainage: Annotated[Drainage, Field(title="排水情况"), Survey("雨污分流情况", "雨污情况")] = Drainage.UNCHECKED
    address: Annotated[str | None, Field(title="地址", max_length=200), Survey("坐落", "地块地址", "位置")] = None


LAYER = Layer(
    name="enterprise_plot",
    title="企业地块",
    summary="一家企业持有的地块,上面可能还有别的企业生产。",
    group="企业",
    record=EnterprisePlot,
    geometry="MULTIPOLYGON",
    visibility="community",
    label="name",
    style=Style(
        color="#8683ad",
        fill="#dcdaec",
        width=1.0,
        opacity=0.55,
        by="kind",
        palette={
            "industrial": "#d5d3ea",
            "standard_workshop": "#c3c0e0",
            "warehouse": "#cbd3e6",
            "commercial": "#d3dcef",
            "retail": "#e6d5e6",
            "fuel": "#d9c7dd",
            "construction": "#e4dfd8",
            "vacant": "#ecebf1",
            "other": "#e0dfea",
        },
        order=25,
    ),
    checks=(NoOverlap(),),
)
