"""走访."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from layers.check import GpsAccuracy
from layers.code import Code
from layers.layer import Layer
from layers.record import Record, Survey
from layers.style import Marker, Style


class VisitPurpose(Code):
    """What a visit was for."""

    CALL = "call", "日常走访"
    SAFETY_CHECK = "safety_check", "安全检查"
    WASTE_CHECK = "waste_check", "垃圾分类检查"
    PARKING_COUNT = "parking_count", "车位清点"
    RECHECK = "recheck", "隐患复查"
    DRAINAGE_CHECK = "drainage_check", "排水检查"
    OTHER = "other", "其他"


class TargetKind(Code):
    """The layer in which the visited thing stands."""

    RENTAL_UNIT = "rental_unit", "出租房"
    BUILDING = "building", "楼栋"
    ENTERPRISE = "enterprise", "企业"
    ENTERPRISE_PLOT = "enterprise_plot", "企业地块"
    WASTE_POINT = "waste_point", "垃圾投放点"
    PARKING = "parking", "停车场地"
    FACILITY = "facility", "公共设施"
    HAZARD = "hazard", "隐患"
    OTHER = "other", "其他"


class VisitOutcome(Code):
    """How a visit went: done, nobody in, refused, the one in charge away or denying it, or to come back in force."""

    DONE = "01", "完成"
    NOBODY = "02", "无人"
    REFUSED = "03", "拒访"
    EVASIVE = "04", "负责人不在或推诿"
    JOINT_NEEDED = "05", "需联合执法"


class CheckResult(Code):
    """Whether what was found agrees with the register."""

    CONSISTENT = "consistent", "一致"
    COUNT_DIFFERS = "count_differs", "人数不符"
    MOVED_OUT = "moved_out", "已搬离"
    NEW_UNREGISTERED = "new_unregistered", "新增未登记"
    VACANT = "vacant", "空置"
    OTHER_DIFFERENCE = "other_difference", "其他不符"


class Visit(Record):
    """A visit on site (走访, 垃圾检查, 车位清点): whom, when, how it went and what was counted."""

    target_kind: Annotated[TargetKind, Field(title="走访对象类型"), Survey("对象类型", "对象类别")]
    target_code: Annotated[
        str, Field(title="走访对象编码", min_length=1, max_length=64), Survey("对象编码", "对象编号", "走访对象")
    ]
    visited_on: Annotated[date, Field(title="走访日期"), Survey("检查日期", "日期", "走访时间", "清点日期")]
    purpose: Annotated[VisitPurpose, Field(title="走访事由"), Survey("事由", "类型", "走访类型", "检查类型")] = (
        VisitPurpose.CALL
    )
    outcome: Annotated[VisitOutcome, Field(title="走访结果"), Survey("结果", "走访情况")] = VisitOutcome.DONE
    check_result: Annotated[CheckResult | None, Field(title="核对结果"), Survey("信息核对", "核查结果", "比对结果")] = (
        None
    )
    counted: Annotated[
        int | None,
        Field(title="清点数", ge=0, le=100000, description="people, cars or bags, by what the visit was for"),
        Survey("清点数量", "实有数", "实有人数", "停放数"),
    ] = None
    correct_count: Annotated[
        int | None, Field(title="正确数", ge=0, le=100000), Survey("正确袋数", "分类正确数", "合格数")
    ] = None
    checked_count: Annotated[
        int | None, Field(title="检查数", ge=0, le=100000), Survey("检查袋数", "抽查数", "检查总数")
    ] = None
    at_night: Annotated[bool | None, Field(title="夜间"), Survey("是否夜间", "夜查")] = None
    worker: Annotated[
        str | None,
        Field(title="走访岗位", max_length=60, description="post or account, never a person's name"),
        Survey("网格岗位", "岗位", "走访账号"),
    ] = None


LAYER = Layer(
    name="visit",
    title="走访",
    summary="一次走访、垃圾检查或车位清点:对象、结果、数到的数。",
    group="治理",
    record=Visit,
    geometry="POINT",
    visibility="grid",
    label="code",
    style=Style(
        color="#ffffff",
        fill="#56b4e9",
        width=0.8,
        opacity=0.9,
        marker=Marker.CIRCLE,
        size=6.0,
        by="outcome",
        palette={
            "01": "#009e73",
            "02": "#999999",
            "03": "#d55e00",
            "04": "#e69f00",
            "05": "#cc79a7",
        },
        order=75,
        shown=False,
        min_zoom=15,
    ),
    checks=(GpsAccuracy("survey.accuracy_visit"),),
)
