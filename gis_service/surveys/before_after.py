"""A proposal as a map's answer: what stands now and what would stand, each kind of change in its own colour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
import shapely
from shapely.geometry import shape
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Class, Column, Fact, Ramp, Theme
from gis_service.areas import read_area
from gis_service.features.question import SHANGHAI
from gis_service.surveys.desk import Waiting
from gis_service.surveys.proposal_rows import changes_geojson, count_steps
from layers.field import Kind
from layers.layer import Layer

MOST_DRAWN = 20_000
_AROUND_DEG = 0.001
"""About a hundred metres, so that one changed point still lies among its neighbours."""
CLASSES = (
    Class("changed", "变更"),
    Class("conflict", "冲突,待决定"),
    Class("moved", "移位后"),
    Class("added", "新增"),
    Class("before", "移位前"),
    Class("removed", "删除"),
)
"""What can become of a feature, in the order of the colours of kinds: green is what is new."""
_COLUMNS = (
    Column("row", "行号", Kind.INTEGER),
    Column("code", "编码"),
    Column("step", "会怎样", codes={one.key: one.title for one in CLASSES}, filtered=True),
    Column("what", "改什么"),
    Column("moved_m", "移动", Kind.NUMBER, "米"),
    Column("said", "提醒"),
)
_FORMS = (("点", "POINT", "Point"), ("线", "MULTILINESTRING", "LineString"), ("面", "MULTIPOLYGON", "Polygon"))
_TOLD = (("added", "新增"), ("changed", "变更"), ("moved", "移位"), ("removed", "删除"), ("unchanged", "未变"),
         ("refused", "拒收"), ("unplaced", "待落图"), ("conflict", "冲突"))  # fmt: skip


def before_after(conn: Connection, waiting: Waiting) -> tuple[Answer, tuple[float, float, float, float] | None]:
    """Return what a proposal would change, at most 20,000 features of it, as themes of a map, and where that lies.

    The box is west, south, east, north in degrees; None where nothing changes.
    """
    layer, area = waiting.layer, read_area(conn, waiting.row["community"])
    counts = count_steps(conn, waiting.kept)
    features = orjson.loads(b"".join(changes_geojson(conn, waiting.kept, layer, MOST_DRAWN)))["features"]
    drawn = [_feature(layer, one) for one in features]
    said = "、".join(f"{title} {counts[step]:,}" for step, title in _TOLD if counts[step]) or "没有变化"
    more = f"图上最多画 {MOST_DRAWN:,} 个。" if len(features) >= MOST_DRAWN else ""
    answer = Answer(
        name="upload", title=f"{layer.title}:上传前后", community=area.code, on=datetime.now(SHANGHAI).date(),
        srid=area.metric_srid, unit="", finding=f"“{waiting.row['file_name']}”{said}。{more}",
        method="按文件与现有数据逐个要素比较;移动的米数是两个中心之间的大地线距离,不到一厘米不算移动。",
        facts=tuple(Fact(title, counts[step], "行") for step, title in _TOLD if counts[step]),
        themes=tuple(_themes(drawn)), dated=False,
    )  # fmt: skip
    return answer, _around(features)


def _around(features: Iterable[Mapping[str, Any]]) -> tuple[float, float, float, float] | None:
    shapes = [shape(one["geometry"]) for one in features]
    if not shapes:
        return None
    west, south, east, north = (float(one) for one in shapely.total_bounds(shapes))
    return west - _AROUND_DEG, south - _AROUND_DEG, east + _AROUND_DEG, north + _AROUND_DEG


def _themes(features: Iterable[dict[str, Any]]) -> Iterable[Theme]:
    listed = list(features)
    for title, geometry, kind in _FORMS:
        mine = [one for one in listed if one["geometry"]["type"].endswith(kind)]
        if mine or (geometry == "POINT" and not listed):
            text = orjson.dumps({"type": "FeatureCollection", "features": mine}).decode()
            yield Theme(
                f"changes_{geometry.lower()}", f"会改什么({title})", geometry, "code", _COLUMNS, CLASSES,
                Ramp.CATEGORY, text, len(mine),
            )  # fmt: skip


def _feature(layer: Layer, feature: Mapping[str, Any]) -> dict[str, Any]:
    given = feature["properties"]
    step = "before" if given["role"] == "before" else given["step"]
    changed = [
        f"{layer.field(name).title}:{layer.field(name).show(old) or '空'} → {layer.field(name).show(new) or '空'}"
        for name, (old, new) in (given.get("fields") or {}).items()
    ]
    return {
        **feature,
        "properties": {
            "row": given["row"], "code": given["code"], "step": step, "what": ";".join(changed) or None,
            "moved_m": given.get("moved_m"),
            "said": "".join(one["message"] for one in given.get("problems") or ()) or None, CLASS: step,
        },
    }  # fmt: skip
