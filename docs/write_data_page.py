# ruff: noqa: INP001 - a programme of its own, run by script/docs
"""Writes docs/data.md from the declarations: every layer, field, code, flow, threshold and code list."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from layers.field import Kind, LayerField
from layers.flows import FLOWS, Flow, Graveness, Step
from layers.layer import Layer
from layers.record import Record
from layers.registry import LAYERS
from layers.rules import RULES, Rule
from layers.time_limits import OFFICE_HOURS, TIME_LIMITS, TimeUnit

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "data.md"
CODE_LISTS = sorted((ROOT / "layers" / "codes").glob("*.csv"))

TYPES = {
    Kind.TEXT: "文字",
    Kind.INTEGER: "整数",
    Kind.NUMBER: "小数",
    Kind.BOOLEAN: "是否",
    Kind.DATE: "日期",
    Kind.TIME: "时刻",
    Kind.TEXTS: "多选",
}
GEOMETRIES = {"POINT": "点", "MULTILINESTRING": "线", "MULTIPOLYGON": "面", "GEOMETRY": "点、线或面"}
SEEN_BY = {"community": "社区全体工作人员", "grid": "只有所在网格的人员"}
STATUSES = {
    "statute": "法律法规",
    "standard": "标准",
    "draft": "征求意见稿",
    "local": "本地文件",
    "default": "系统默认",
}
SYSTEM_FIELDS = (
    ("community", "社区", "12 位社区代码"),
    ("id", "标识", "服务给的 UUID;要素在接口里的标识是 社区代码.标识"),
    ("grid", "所属网格", "15 位网格代码,由数据库按几何算出,不由上传文件给出"),
    ("geom", "几何", "CGCS2000(EPSG:4490)"),
    ("upload", "上传编号", "这一行最近一次由哪次上传写入"),
    ("version", "版本", "从 1 起,每改一次加 1"),
    ("recorded_at", "记录时刻", "UTC"),
    ("recorded_by", "记录人", "账号或程序"),
)
CODE_COLUMNS = {"code": "存储值", "label": "名称", "group": "类别", "standard": "依据"}
RULE_COLUMNS = {
    "code": "代码,例如 waste.radius_point",
    "title": "名称",
    "value": "值",
    "unit": "单位",
    "basis": "依据:哪份文件哪一条",
    "status": "效力:" + "、".join(f"{status}({title})" for status, title in STATUSES.items()),
    "effective_from": "施行日期",
}
MANY_CODES = 60
"""Longer code lists stand in a table of their own at the end of the page."""


_ABOUT = (
    "本页由 `script/docs` 从声明(`layers/`)生成,请勿手改。几何按 CGCS2000(EPSG:4490)存储,时刻按 UTC 存储。"
    "“其他表头”是上传时另外认得的列名,字段名和名称总是认得;全角半角、大小写、空格和括号里的单位不计较。"
)


def data_page() -> str:
    """Return the page as Markdown; the same declarations always give the same text."""
    shared = len(Record.model_fields)
    parts = [
        "# 数据:图层、字段、代码与阈值",
        _ABOUT,
        "## 每个图层都有的字段",
        _table(_FIELD_HEADINGS, (_field_row(field) for field in LAYERS["building"].all_fields[:shared])),
        "服务自己记的列,上传不能写:",
        _table(("字段", "名称", "说明"), SYSTEM_FIELDS),
    ]
    for layer in sorted(LAYERS.values(), key=lambda one: one.name):
        parts.extend(_layer_parts(layer, shared))
    parts.extend(_flow_parts())
    parts.extend(_rule_parts())
    parts.extend(_time_limit_parts())
    for path in CODE_LISTS:
        parts.extend(_code_list_parts(path))
    return "\n\n".join(parts) + "\n"


_FIELD_HEADINGS = ("字段", "名称", "类型", "单位", "必填", "范围", "取值", "其他表头", "说明")


def _layer_parts(layer: Layer, shared: int) -> Iterator[str]:
    yield f"## {layer.name} {layer.title}"
    yield layer.summary
    yield f"几何:{GEOMETRIES[layer.geometry]}。分组:{layer.group}。谁看得到:{SEEN_BY[layer.visibility]}。"
    own = layer.all_fields[shared:]
    if own:
        yield _table(_FIELD_HEADINGS, (_field_row(field) for field in own))


def _field_row(field: LayerField) -> tuple[str, ...]:
    title = f"{field.title}(个人信息,另表保存)" if field.personal else field.title
    if field.identifies:
        title += "(业务键)"
    return (
        f"`{field.name}`", title, TYPES[field.kind], field.unit or "", "是" if field.required else "",
        _bounds(field), _codes(field), "、".join(dict.fromkeys(field.headers[2:])), field.description,
    )  # fmt: skip


def _bounds(field: LayerField) -> str:
    said = []
    if field.minimum is not None:
        said.append(f"{'大于' if field.exclusive_minimum else '≥'} {_number(field.minimum)}")
    if field.maximum is not None:
        said.append(f"≤ {_number(field.maximum)}")
    if field.min_length is not None:
        said.append(f"至少 {field.min_length} 字")
    if field.max_length is not None:
        said.append(f"至多 {field.max_length} 字")
    if field.pattern is not None:
        said.append(f"形如 `{field.pattern}`")
    return ",".join(said)


def _codes(field: LayerField) -> str:
    if field.codes is None:
        return f"默认 {field.show(field.default)}" if field.default is not None else ""
    if len(field.codes) > MANY_CODES:
        return f"{len(field.codes)} 个代码,见本页末的代码表"
    listed = "、".join(f"`{code}` {label}{_words(field, code)}" for code, label in field.codes.items())
    return f"{listed};默认 {field.show(field.default)}" if field.default is not None else listed


def _words(field: LayerField, code: str) -> str:
    """Return what surveys may say instead of a code's label."""
    words = [word for word, stands_for in field.words.items() if stands_for == code]
    return f"(也认:{'、'.join(words)})" if words else ""


_STEP_HEADINGS = ("步骤", "名称", "从", "到", "谁可以办", "要写明", "可以写", "时限", "限制")


def _flow_parts() -> Iterator[str]:
    yield "## 办理流程 layers/flows.py"
    yield (
        "案件(隐患)的两个流程。没有列在这里的步骤,数据库一律拒绝;社区不能立案、派遣、认定等级,这些步骤只有街道能办。"
        "“时限”是办完这一步以后所在状态的时限,见[时限](#时限-layerstime_limitstoml);"
        "“发现”由登记案件的接口自己记下,一件只有一次。"
    )
    for flow in FLOWS.values():
        yield f"### {flow.flow} {flow.flow.label}"
        states = "、".join(f"`{state}` {state.label}" for state in flow.states)
        yield f"状态:{states}。从“{flow.first.label}”开始。"
        yield _table(_STEP_HEADINGS, (_step_row(flow, step) for step in flow.steps))


def _step_row(flow: Flow, step: Step) -> tuple[str, ...]:
    target = "不变" if step.target is None else step.target.label
    if step.target_flow is not None:
        target += f"({step.target_flow.label})"
    # Where more than half of the states is meant, the others are fewer words.
    left = [state.label for state in flow.states if state not in step.sources]
    many = len(step.sources) > len(left)
    sources = f"除{'、'.join(left)}以外的" if many else "、".join(source.label for source in step.sources)
    return (
        f"`{step.name}`", step.title, sources, target, "、".join(office.label for office in step.offices),
        *("、".join(f"{one.label} `{one}`" for one in said) for said in (step.requires, step.offers)),
        "" if step.limit is None else _limit(step.limit), _GRAVE_NOTES[step.graves],
    )  # fmt: skip


_GRAVE_NOTES = {
    Graveness.ANY: "",
    Graveness.ORDINARY: "重大和疑似重大的不能办",
    Graveness.DETERMINED: "疑似重大的,认定等级以前不能办",
    Graveness.DETERMINES: "等级只能写 `01` 或 `02`",
}


def _limit(code: str) -> str:
    return "该事件的处置时限" if code == "event" else f"{TIME_LIMITS[code].said} `{code}`"


def _rule_parts() -> Iterator[str]:
    yield "## 阈值 layers/rules.toml"
    yield "每条阈值一节 `[[rule]]`,用到它的地图和表都要写出依据。效力为“系统默认”的没有文件依据,可按社区调整。各列:"
    yield _table(("列", "意思"), ((f"`{name}`", meaning) for name, meaning in RULE_COLUMNS.items()))
    yield _table(
        ("代码", "名称", "值", "单位", "依据", "效力", "施行日期"), (_rule_row(rule) for rule in RULES.values())
    )


def _rule_row(rule: Rule) -> tuple[str, ...]:
    since = rule.effective_from.isoformat() if rule.effective_from else ""
    return (f"`{rule.code}`", rule.title, _number(rule.value), rule.unit, rule.basis, STATUSES[rule.status], since)


def _time_limit_parts() -> Iterator[str]:
    hours = "、".join(f"{opens:%H:%M}–{closes:%H:%M}" for opens, closes in OFFICE_HOURS.sessions)
    yield "## 时限 layers/time_limits.toml"
    yield (
        "事件的处置时限(`event.` 加事件编码,没有列出的用 `event.default`)和办理步骤的时限(`step.`),"
        "每条一节 `[[limit]]`;"
        f"单位有{'、'.join(f'{unit.label}(`{unit}`)' for unit in TimeUnit)}。效力与阈值相同。"
        f"工作时间是每个工作日的 {hours}({OFFICE_HOURS.basis})。"
    )
    yield _table(
        ("代码", "名称", "时限", "依据", "效力"),
        ((f"`{one.code}`", one.title, one.said, one.basis, STATUSES[one.status]) for one in TIME_LIMITS.values()),
    )


def _code_list_parts(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns = tuple(reader.fieldnames or ())
        rows = [tuple(row[column] for column in columns) for row in reader]
    yield f"## 代码表 layers/codes/{path.name}"
    # A column that isn't explained above is a KeyError here: explain it before the page can be written.
    yield _table(tuple(f"{CODE_COLUMNS[column]} `{column}`" for column in columns), rows)


def _number(value: float) -> str:
    return f"{value:.10g}"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(data_page(), encoding="utf-8")
    sys.stdout.write(f"已写出 {PAGE.relative_to(ROOT)}({len(LAYERS)} 个图层)。\n")
