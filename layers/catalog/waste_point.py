"""垃圾投放点."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from layers.code import Code
from layers.layer import Layer
from layers.record import Record, Survey, Unit
from layers.style import Marker, Style


class WastePointKind(Code):
    """What a point takes, and when (浙江省生活垃圾管理条例, 嘉兴市生活垃圾分类管理条例 art. 11, 13)."""

    TIMED = "timed", "定时定点"
    MISSED = "missed", "误时投放"
    BULKY = "bulky", "大件垃圾"
    RENOVATION = "renovation", "装修垃圾"
    HAZARDOUS = "hazardous", "有害垃圾"
    RECYCLING = "recycling", "可回收物"


class WasteClass(Code):
    """The four classes of household waste in Zhejiang."""

    RECYCLABLE = "recyclable", "可回收物"
    PERISHABLE = "perishable", "易腐垃圾"
    HAZARDOUS = "hazardous", "有害垃圾"
    OTHER = "other", "其他垃圾"


class WastePoint(Record):
    """A place where residents hand in sorted waste at set hours (定时定点)."""

    kind: Annotated[WastePointKind, Field(title="类型"), Survey("点位类型", "垃圾类型")]
    waste_classes: Annotated[list[WasteClass] | None, Field(title="收集类别"), Survey("分类类别", "垃圾类别")] = None
    bins: Annotated[
        int | None, Field(title="桶数", ge=0, le=500, description="240-litre bins"), Unit("只"), Survey("垃圾桶数")
    ] = None
    open_hours: Annotated[str | None, Field(title="投放时间", max_length=120), Survey("开放时间", "投放时段")] = None
    manager: Annotated[str | None, Field(title="管理责任单位", max_length=120), Survey("责任单位", "管理单位")] = None
    accuracy_rate: Annotated[
        float | None,
        Field(title="分类正确率", ge=0, le=100, description="as reported by the manager"),
        Unit("%"),
        Survey("正确率"),
    ] = None


LAYER = Layer(
    name="waste_point",
    title="垃圾投放点",
    summary="居民按时间投放分类垃圾的地点(定时定点)。",
    group="设施",
    record=WastePoint,
    geometry="POINT",
    visibility="community",
    label="name",
    style=Style(
        color="#1b5e20",
        fill="#2e7d32",
        marker=Marker.HEXAGON,
        size=11,
        by="kind",
        palette={
            "timed": "#2e7d32",
            "missed": "#7cb342",
            "bulky": "#6d4c41",
            "renovation": "#a1887f",
            "hazardous": "#c62828",
            "recycling": "#1565c0",
        },
        order=60,
    ),
)
