"""隐患."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from layers.code import Code, CodeList
from layers.layer import Layer
from layers.record import ByStep, Record, Survey
from layers.style import Marker, Style


class HazardLevel(Code):
    """Level of a hazard; the community may only suspect a major one, the department determines it."""

    GENERAL = "01", "一般"
    MAJOR = "02", "重大"
    SUSPECTED = "suspected", "疑似重大(待认定)"


class HazardCategory(Code):
    """What the danger is, across firms, homes and public ground."""

    EVACUATION = "evacuation", "消防通道与疏散"
    ELECTRIC = "electric", "电气线路"
    CHARGING = "charging", "违规充电"
    LODGING = "lodging", "三合一住人"
    CROWDING = "crowding", "群租"
    CHEMICALS = "chemicals", "危化品存储"
    SPECIAL_EQUIPMENT = "special_equipment", "特种设备"
    CONFINED_SPACE = "confined_space", "有限空间"
    DUST = "dust", "粉尘与喷涂"
    MACHINERY = "machinery", "机械防护"
    GAS = "gas", "燃气"
    STRUCTURE = "structure", "房屋结构"
    UNAUTHORISED = "unauthorised", "违章搭建"
    DRAINAGE = "drainage", "雨污混流"
    EMISSION = "emission", "废气与危废"
    LICENCE = "licence", "证照"
    TRAINING = "training", "用工与教育培训"
    LETTING = "letting", "出租管理(协议与检查)"
    ORDER = "order", "市容秩序"
    GREEN = "green", "毁绿占绿"
    LINES = "lines", "飞线与管线"
    SECURITY = "security", "治安"
    OTHER = "other", "其他"


class SubjectKind(Code):
    """Whose hazard it is; campaign totals among firms and cases among homes are never added."""

    RESIDENTIAL = "residential", "居住"
    ENTERPRISE = "enterprise", "企业"
    PUBLIC = "public", "公共区域"


class HazardFlow(Code):
    """Whose life cycle a case goes through; :mod:`layers.flows` says which states and steps each has."""

    COMMUNITY = "community", "社区流程"
    STREET = "street", "街道流程"


class HazardStatus(Code):
    """Where a case stands in its closed loop; a residents' committee registers, only the street files (立案)."""

    FOUND = "found", "已发现"
    REGISTERED = "registered", "已登记", "已登记立案"
    ADVISED = "advised", "已劝导告知", "已交办", "已劝导", "已告知"
    FILED = "filed", "已立案"
    ASSIGNED = "assigned", "已派遣"
    RECTIFYING = "rectifying", "处置中", "整改中"
    TRANSFERRED = "transferred", "已上报移交", "上报移交", "已移交"
    TRACKING = "tracking", "跟踪中"
    RECHECK = "recheck", "待复查"
    REWORK = "rework", "返工", "复查不合格"
    SUSPENDED = "suspended", "挂账", "挂账延期"
    CLOSED = "closed", "已办结", "办结", "已销号", "销号", "已结案", "结案"
    REJECTED = "rejected", "不予受理", "不予立案"
    MERGED = "merged", "已并案", "重复并案"


class Department(Code):
    """To whom a community without enforcement power hands a case up."""

    STREET = "street", "街道办事处"
    EMERGENCY = "emergency", "应急管理"
    FIRE = "fire", "消防救援"
    ENFORCEMENT = "enforcement", "综合行政执法"
    ECOLOGY = "ecology", "生态环境"
    MARKET = "market", "市场监管"
    POLICE = "police", "公安"
    HOUSING = "housing", "住房建设"
    LAND = "land", "自然资源和规划"
    UTILITY = "utility", "供电通信等管线单位"
    OTHER = "other", "其他部门"


class FoundBy(Code):
    """How a case came to light."""

    PATROL = "patrol", "网格巡查"
    JOINT = "joint", "联合检查"
    SELF_CHECK = "self_check", "单位自查"
    RESIDENT = "resident", "居民反映"
    ASSIGNED = "assigned", "上级交办"


_CATEGORIES = {
    "01-01": HazardCategory.UNAUTHORISED, "01-06": HazardCategory.GREEN, "04-08": HazardCategory.LINES,
    "X-GR": HazardCategory.GREEN, "X-FS01": HazardCategory.CHARGING, "X-FS02": HazardCategory.ELECTRIC,
    "X-FS03": HazardCategory.EVACUATION, "X-UT": HazardCategory.LINES, "X-RH": HazardCategory.CROWDING,
    "X-BD": HazardCategory.STRUCTURE, "X-EN": HazardCategory.DRAINAGE, "X-IN01": HazardCategory.LETTING,
    "X-IN02": HazardCategory.LICENCE, "X-IN03": HazardCategory.LICENCE, "X-PS": HazardCategory.SECURITY,
    "01": HazardCategory.ORDER, "02": HazardCategory.ORDER, "05": HazardCategory.ORDER,
}  # fmt: skip


def category_of(event_code: str) -> HazardCategory:
    """Return the category that most cases of an event have, by the longest beginning of its code that is told of."""
    told = [beginning for beginning in _CATEGORIES if event_code.startswith(beginning)]
    return _CATEGORIES[max(told, key=len)] if told else HazardCategory.OTHER


class Hazard(Record):
    """A case of danger or disorder (安全隐患, 城市管理事件), from its finding to its closing or handing up."""

    event_code: Annotated[
        str,
        Field(title="事件类别", max_length=16, description="GB/T 30428.2 as implemented, with local extensions X-"),
        CodeList("event"),
        Survey("事件编码", "事件代码", "事件类型", "问题类型"),
    ]
    category: Annotated[HazardCategory, Field(title="隐患类别"), Survey("类别", "隐患类型", "类型")] = (
        HazardCategory.OTHER
    )
    level: Annotated[HazardLevel, Field(title="隐患等级"), ByStep(), Survey("等级", "级别", "隐患级别")] = (
        HazardLevel.GENERAL
    )
    subject_kind: Annotated[SubjectKind, Field(title="对象类别"), Survey("对象类型", "责任主体类型")] = (
        SubjectKind.PUBLIC
    )
    enterprise_code: Annotated[
        str | None, Field(title="企业编码", max_length=64), Survey("所属企业", "企业编号", "责任企业编码")
    ] = None
    building_code: Annotated[str | None, Field(title="楼栋编码", max_length=64), Survey("所在楼栋", "楼栋编号")] = None
    rental_code: Annotated[str | None, Field(title="出租房编码", max_length=64), Survey("出租房编号")] = None
    flow: Annotated[HazardFlow, Field(title="办理流程"), ByStep(), Survey("流程")] = HazardFlow.COMMUNITY
    status: Annotated[HazardStatus, Field(title="办理状态"), ByStep(), Survey("状态", "整改状态", "处置状态")] = (
        HazardStatus.FOUND
    )
    found_on: Annotated[
        date | None, Field(title="发现日期"), Survey("排查日期", "上报日期", "发现时间", "检查日期")
    ] = None
    due_on: Annotated[date | None, Field(title="整改期限"), ByStep(), Survey("限期", "整改时限", "截止日期")] = None
    closed_on: Annotated[
        date | None, Field(title="办结日期"), ByStep(), Survey("结案日期", "整改完成日期", "销号日期")
    ] = None
    found_by: Annotated[FoundBy | None, Field(title="发现方式"), Survey("问题来源", "发现途径")] = None
    handler: Annotated[
        str | None,
        Field(title="处置岗位", max_length=120, description="the post or unit that handles it, never a person's name"),
        ByStep(),
        Survey("处置单位", "责任单位", "交办单位"),
    ] = None
    transferred_to: Annotated[Department | None, Field(title="移交部门"), ByStep(), Survey("上报部门", "移交单位")] = (
        None
    )
    transferred_on: Annotated[date | None, Field(title="移交日期"), ByStep(), Survey("上报移交日期", "移送日期")] = None
    transferred_ref: Annotated[
        str | None, Field(title="移交文号", max_length=80), ByStep(), Survey("移送文号", "交办单号", "工单号")
    ] = None
    campaign: Annotated[
        str | None,
        Field(title="专项行动", max_length=80, description="the campaign a case is counted in, such as 厂中厂整治"),
        Survey("专项整治", "行动名称"),
    ] = None
    detail: Annotated[str | None, Field(title="隐患描述", max_length=2000), Survey("问题描述", "隐患内容", "描述")] = (
        None
    )
    measure: Annotated[str | None, Field(title="整改措施", max_length=2000), Survey("措施", "整改要求", "处置结果")] = (
        None
    )


LAYER = Layer(
    name="hazard",
    title="隐患",
    summary="一条隐患或城市管理事件,从发现到办结。",
    group="治理",
    record=Hazard,
    geometry="GEOMETRY",
    visibility="grid",
    label="code",
    style=Style(
        color="#7f1d1d",
        fill="#e6862e",
        width=1.0,
        opacity=0.95,
        marker=Marker.TRIANGLE,
        size=10.0,
        by="level",
        palette={"01": "#e69f00", "02": "#b3201f", "suspected": "#d55e00"},
        order=80,
        shown=False,
        min_zoom=13,
    ),
)
