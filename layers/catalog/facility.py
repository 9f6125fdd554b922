"""公共设施."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from layers.code import Code
from layers.layer import Layer
from layers.record import Record, Survey, Unit
from layers.style import Marker, Style


class FacilityKind(Code):
    """What stands there; the stored values are the words open map data uses, where it has one."""

    HYDRANT = "hydrant", "消火栓"
    FIRE_POST = "fire_post", "微型消防站"
    FIRE_STATION = "fire_station", "消防救援站"
    CHARGING = "charging", "电动自行车充电点"
    CHARGING_STATION = "charging_station", "汽车充电站"
    STREET_LIGHT = "street_light", "路灯"
    CAMERA = "camera", "监控"
    MANHOLE = "manhole", "窨井"
    POLE = "pole", "杆线立杆"
    PARTY_CENTRE = "party_centre", "党群服务中心"
    VETERANS = "veterans", "退役军人服务站"
    TONGXIN = "tongxin", "同心家园"
    CHARITY = "charity", "慈善站"
    CULTURE_HALL = "culture_hall", "文化礼堂"
    READING = "reading", "书屋阅览室"
    GRID_STATION = "grid_station", "网格工作站"
    RENTAL_DESK = "rental_desk", "出租房服务总台"
    MEDIATION = "mediation", "矛盾调解室"
    ELDERLY = "elderly", "居家养老服务点"
    GOVERNMENT = "government", "政府机关"
    POLICE = "police", "警务室派出所"
    CLINIC = "clinic", "卫生服务站"
    HOSPITAL = "hospital", "医院"
    PHARMACY = "pharmacy", "药店"
    KINDERGARTEN = "kindergarten", "幼儿园"
    SCHOOL = "school", "学校"
    LIBRARY = "library", "图书馆"
    MUSEUM = "museum", "博物馆"
    ARTS_CENTRE = "arts_centre", "文化艺术中心"
    CINEMA = "cinema", "影剧院"
    FITNESS = "fitness", "健身点"
    PITCH = "pitch", "球场"
    PARK = "park", "公园"
    WORSHIP = "place_of_worship", "宗教活动场所"
    MARKET = "market", "农贸市场"
    SUPERMARKET = "supermarket", "超市"
    CONVENIENCE = "convenience", "便利店"
    SHOP = "shop", "商店"
    RESTAURANT = "restaurant", "餐饮店"
    HOTEL = "hotel", "宾馆"
    BANK = "bank", "银行"
    ATM = "atm", "自动取款机"
    POST_OFFICE = "post_office", "邮政网点"
    POST_BOX = "post_box", "邮筒"
    TOILETS = "toilets", "公共厕所"
    BUS_STOP = "bus_stop", "公交站"
    BUS_STATION = "bus_station", "汽车站"
    STATION = "station", "轨道车站"
    SUBWAY_ENTRANCE = "subway_entrance", "地铁出入口"
    FERRY_TERMINAL = "ferry_terminal", "轮渡码头"
    TAXI = "taxi", "出租车候客点"
    BICYCLE_RENTAL = "bicycle_rental", "公共自行车点"
    TRAFFIC_SIGNALS = "traffic_signals", "信号灯"
    FUEL = "fuel", "加油站"
    OTHER = "other", "其他"


class FacilityStatus(Code):
    """State of a component (部件状态, GB/T 30428.2)."""

    INTACT = "intact", "完好"
    DAMAGED = "damaged", "破损"
    LOST = "lost", "丢失"
    ABANDONED = "abandoned", "废弃"


class Facility(Record):
    """A public facility or city component (公共设施, 部件): hydrant, charging point, service station and the like."""

    kind: Annotated[
        FacilityKind, Field(title="设施类型"), Survey("类型", "设施类别", "部件类型", "fclass", "amenity")
    ] = FacilityKind.OTHER
    status: Annotated[FacilityStatus, Field(title="设施状态"), Survey("状态", "部件状态", "完好情况")] = (
        FacilityStatus.INTACT
    )
    capacity: Annotated[
        int | None,
        Field(title="服务容量", ge=0, le=100000, description="outlets of a charging point, seats of a hall, and so on"),
        Survey("容量", "充电口数", "插座数", "座位数"),
    ] = None
    floor_area_m2: Annotated[
        float | None, Field(title="建筑面积", ge=0, le=1000000), Unit("m²"), Survey("场所面积", "建筑面积(㎡)")
    ] = None
    open_hours: Annotated[str | None, Field(title="开放时间", max_length=120), Survey("服务时间", "opening_hours")] = (
        None
    )
    manager: Annotated[
        str | None, Field(title="管理单位", max_length=160), Survey("责任单位", "权属单位", "主管部门", "operator")
    ] = None
    installed_on: Annotated[date | None, Field(title="安装日期"), Survey("建成日期", "启用时间", "设置日期")] = None
    checked_on: Annotated[date | None, Field(title="最近检查"), Survey("检查日期", "巡检日期")] = None
    address: Annotated[str | None, Field(title="地址", max_length=200), Survey("位置", "坐落", "详细地址")] = None


_FAMILIES: dict[str, tuple[FacilityKind, ...]] = {
    "#c8452f": (FacilityKind.HYDRANT, FacilityKind.FIRE_POST, FacilityKind.FIRE_STATION),
    "#0e8f6e": (FacilityKind.CHARGING, FacilityKind.CHARGING_STATION, FacilityKind.FUEL),
    "#a3312f": (
        FacilityKind.PARTY_CENTRE,
        FacilityKind.VETERANS,
        FacilityKind.TONGXIN,
        FacilityKind.CHARITY,
        FacilityKind.GRID_STATION,
        FacilityKind.RENTAL_DESK,
        FacilityKind.MEDIATION,
    ),
    "#27548a": (FacilityKind.GOVERNMENT, FacilityKind.POLICE),
    "#b5577f": (FacilityKind.ELDERLY, FacilityKind.CLINIC, FacilityKind.HOSPITAL, FacilityKind.PHARMACY),
    "#8a6d1f": (
        FacilityKind.CULTURE_HALL,
        FacilityKind.READING,
        FacilityKind.KINDERGARTEN,
        FacilityKind.SCHOOL,
        FacilityKind.LIBRARY,
        FacilityKind.MUSEUM,
        FacilityKind.ARTS_CENTRE,
        FacilityKind.CINEMA,
        FacilityKind.WORSHIP,
    ),
    "#5c8a3a": (FacilityKind.FITNESS, FacilityKind.PITCH, FacilityKind.PARK),
    "#9a6b4f": (
        FacilityKind.MARKET,
        FacilityKind.SUPERMARKET,
        FacilityKind.CONVENIENCE,
        FacilityKind.SHOP,
        FacilityKind.RESTAURANT,
        FacilityKind.HOTEL,
        FacilityKind.BANK,
        FacilityKind.ATM,
        FacilityKind.POST_OFFICE,
        FacilityKind.POST_BOX,
        FacilityKind.TOILETS,
    ),
    "#3f7fae": (
        FacilityKind.BUS_STOP,
        FacilityKind.BUS_STATION,
        FacilityKind.STATION,
        FacilityKind.SUBWAY_ENTRANCE,
        FacilityKind.FERRY_TERMINAL,
        FacilityKind.TAXI,
        FacilityKind.BICYCLE_RENTAL,
        FacilityKind.TRAFFIC_SIGNALS,
    ),
    "#7b7f86": (
        FacilityKind.STREET_LIGHT,
        FacilityKind.CAMERA,
        FacilityKind.MANHOLE,
        FacilityKind.POLE,
        FacilityKind.OTHER,
    ),
}
# Kinds of one family share a colour: a reader can tell ten colours apart, not fifty.


LAYER = Layer(
    name="facility",
    title="公共设施",
    summary="公共设施:消火栓、充电点、服务站和其他便民场所。",
    group="设施",
    record=Facility,
    geometry="POINT",
    visibility="community",
    label="name",
    style=Style(
        color="#ffffff",
        fill="#7b7f86",
        width=1.0,
        opacity=0.95,
        marker=Marker.CIRCLE,
        size=8.0,
        by="kind",
        palette={str(kind): colour for colour, kinds in _FAMILIES.items() for kind in kinds},
        order=58,
        shown=False,
        min_zoom=14,
    ),
)
