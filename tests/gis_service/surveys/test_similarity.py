"""Headers that no declaration names: what is proposed for them, and how often that is right.

The figures at the threshold are asserted below, so that a change of the reckoning shows.
"""

from __future__ import annotations

from gis_service.surveys.headers import match_headers
from layers.registry import LAYERS

# Headers as offices write them, none of them declared; some with cells as evidence.
MEANT: dict[str, dict[str, str]] = {
    "building": {
        "房屋总层数": "floors", "地上楼层数": "floors", "房屋建筑面积合计": "floor_area_m2", "建成时间(年)": "year_built",
        "楼房用途": "use", "房屋结构类型": "structure", "是否为自建房屋": "self_built", "房屋安全鉴定日期": "appraised_on",
        "安全鉴定结论等级": "safety_grade", "户籍户数合计": "household_local", "实有常住人口": "resident_count",
        "户籍人口总数": "local_population", "房屋详细地址": "address", "所属小区名称": "estate", "楼栋高度": "height_m",
        "是否有施工许可证": "permit_status", "底层是否商铺": "shop_on_ground", "房屋建成年份": "year_built",
    },
    "rental_unit": {
        "租住人数(人)合计": "tenant_count", "本次租住人数": "tenant_count", "出租房间数": "room_count",
        "房屋使用面积": "usable_area_m2", "出租房用途": "letting_use", "目前出租状态": "rent_status",
        "居住登记状态": "registration_status", "单间居住最多人数": "largest_room_persons", "所在楼层": "floor",
        "出租房详细地址": "address", "房屋风险等级": "grade", "是否签责任书": "responsibility_letter",
        "最近一次走访日期": "last_visit_on", "已办登记人数": "registered_count", "是否存在分隔出租": "partitioned",
        "房东是否一起居住": "landlord_onsite",
    },
    "enterprise": {
        "企业从业人员数": "employees", "企业经营地址": "address", "所属行业大类": "industry", "企业经营状态": "status",
        "租期届满日期": "occupied_to", "是否外资企业": "foreign_funded", "企业入驻时间": "occupied_from",
        "企业规模类型": "scale", "厂房使用面积": "floor_area_m2", "单位统一社会信用代码": "uscc",
        "是否签安全生产协议": "safety_agreement", "营业执照变更时间": "licence_change_on",
    },
    "waste_point": {
        "投放点类型": "kind", "垃圾桶数量": "bins", "垃圾投放时间": "open_hours", "点位管理责任单位": "manager",
        "垃圾分类正确率": "accuracy_rate", "垃圾收集类别": "waste_classes",
    },
    "parking": {
        "停车泊位数量": "space_count", "充电车位数量": "charging_space_count", "停车场收费标准": "price",
        "停车场开放时间": "open_hours", "停车场管理单位": "manager", "无障碍停车位数": "accessible_space_count",
    },
    "hazard": {
        "隐患类别名称": "category", "隐患等级(一般/重大)": "level", "隐患发现日期": "found_on", "整改完成期限": "due_on",
        "隐患整改措施": "measure", "隐患问题描述": "detail", "移交部门名称": "transferred_to", "结案时间": "closed_on",
        "隐患发现方式": "found_by",
    },
    "road": {
        "道路路面材质": "surface", "道路宽度(米)": "width_m", "是否有路灯": "lit", "道路管养单位": "manager",
        "路面现状": "condition", "消防车能否通行": "fire_lane", "道路改造日期": "renewed_on",
    },
}  # fmt: skip

# What stands in the same sheets and is no field of any layer.
UNRELATED = (
    "序号", "所属党支部", "党员人数", "照片", "附件", "现场照片编号", "审核意见", "审批人意见", "填报单位", "是否上传平台",
    "宠物数量", "电动车牌照", "宽带运营商", "水表读数", "电表底数", "煤气用户号", "医保参保", "疫苗接种", "退役军人", "低保金额",
    "文化程度", "民族", "婚姻状况", "政治面貌", "工作单位", "车牌", "颜色", "朝向", "备用字段1", "Shape_Leng", "meta/instanceID",
    "_submission_time", "__version__", "formhub/uuid", "楼道长评价", "满意度得分", "活动场次", "志愿服务时长", "门禁卡张数",
)  # fmt: skip


def suggestion(layer: str, column: str) -> tuple[str, float, str] | None:
    """Return the first option for a column of a sheet that gives nothing but the key."""
    matching = match_headers(LAYERS[layer], ("编码", column))
    assert matching.personal == (), column
    for suggested in matching.suggested:
        assert suggested.column == column
        return suggested.options[0]
    return None


def test_most_headers_of_offices_find_their_field_and_hardly_any_a_wrong_one() -> None:
    wrong, silent, right = [], [], 0
    for layer, columns in MEANT.items():
        for column, field in columns.items():
            matching = match_headers(LAYERS[layer], ("编码", column))
            assert column in matching.unknown, f"{column} is declared"
            first = suggestion(layer, column)
            if first is None:
                silent.append(column)
            elif first[0] != field:
                wrong.append((column, first))
            else:
                right += 1
    strays = [
        (layer, column, first)
        for layer in MEANT
        for column in UNRELATED
        if (first := suggestion(layer, column)) is not None
    ]
    count = sum(map(len, MEANT.values()))
    print(f"{count} headers: {right} right, wrong {wrong}, silent {silent}; strays {strays}")  # noqa: T201
    assert count >= 60
    assert len(UNRELATED) >= 30
    assert right / (right + len(wrong)) >= 0.95
    assert right / count >= 0.85
    assert len(strays) / (len(UNRELATED) * len(MEANT)) <= 0.02
