"""违建."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from layers.check import AreaAgrees
from layers.code import Code
from layers.layer import Layer
from layers.record import Record, Survey, Unit
from layers.style import Style


class StructureStatus(Code):
    """Stages of handling (浙江省违法建筑处置规定 art. 9-21); until it is determined, it is only suspected."""

    SUSPECTED = "suspected", "疑似违建"
    DETERMINED = "determined", "认定违建"
    STOPPED = "stopped", "责令停建"
    ORDERED = "ordered", "限期改正或拆除"
    SELF_DEMOLISHED = "self_demolished", "自行拆除"
    DEMOLISHED = "demolished", "强制拆除"
    REUSED = "reused", "拆后利用"
    REGULARISED = "regularised", "改正保留"
    LEGAL = "legal", "不属违建"


class StructureKind(Code):
    """What was built."""

    ROOF = "roof", "屋顶搭建"
    EXTENSION = "extension", "贴建扩建"
    SHED = "shed", "棚屋简易房"
    STOREY = "storey", "擅自加层"
    YARD = "yard", "院落围建"
    WORKSHOP = "workshop", "厂区搭建"
    OTHER = "other", "其他"


class IllegalStructure(Record):
    """A structure suspected or determined to be illegal (违建), from its finding to its removal."""

    status: Annotated[StructureStatus, Field(title="处置状态"), Survey("状态", "违建状态", "处置情况")] = (
        StructureStatus.SUSPECTED
    )
    kind: Annotated[StructureKind, Field(title="违建类型"), Survey("类型", "搭建类型")] = StructureKind.OTHER
    area_reported_m2: Annotated[
        float | None,
        Field(title="上报面积", gt=0, le=500000, description="as reported; the drawn area is measured beside it"),
        Unit("m²"),
        Survey("面积", "违建面积", "拆除面积", "面积(㎡)", "违建面积(㎡)"),
    ] = None
    storeys: Annotated[int | None, Field(title="层数", ge=0, le=50), Unit("层"), Survey("违建层数")] = None
    found_on: Annotated[date | None, Field(title="发现日期"), Survey("排查日期", "上报日期", "发现时间")] = None
    determined_on: Annotated[date | None, Field(title="认定日期"), Survey("认定时间")] = None
    demolished_on: Annotated[date | None, Field(title="拆除日期"), Survey("拆除时间")] = None
    enterprise_code: Annotated[str | None, Field(title="企业编码", max_length=64), Survey("所属企业", "企业编号")] = (
        None
    )
    building_code: Annotated[str | None, Field(title="楼栋编码", max_length=64), Survey("所在楼栋", "楼栋编号")] = None
    campaign: Annotated[str | None, Field(title="专项行动", max_length=80), Survey("专项整治", "行动名称")] = None
    address: Annotated[str | None, Field(title="地址", max_length=200), Survey("位置", "坐落", "违建地址")] = None


LAYER = Layer(
    name="illegal_structure",
    title="违建",
    summary="疑似违建,认定以前只称疑似;以及拆除后的处置。",
    group="治理",
    record=IllegalStructure,
    geometry="MULTIPOLYGON",
    visibility="grid",
    label="code",
    style=Style(
        color="#a8442a",
        fill="#eab39c",
        width=1.4,
        dash="4 3",
        opacity=0.6,
        by="status",
        palette={
            "suspected": "#f0d2a6",
            "determined": "#e8a07e",
            "stopped": "#e0906c",
            "ordered": "#d97b57",
            "self_demolished": "#b9c9b0",
            "demolished": "#a9bfa0",
            "reused": "#93b48b",
            "regularised": "#c3cfd9",
            "legal": "#d8d8d8",
        },
        order=45,
        shown=False,
        min_zoom=14,
    ),
    checks=(AreaAgrees("area_reported_m2", "illegal_structure.area_mismatch"),),
)
