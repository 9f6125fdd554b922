"""Tables derived from the layers' declarations, and the service's own few.

Every feature table has ``community`` first in its keys: it is the scope, and later the partition.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine

from layers.field import Kind, LayerField
from layers.layer import Layer
from layers.registry import LAYERS

SCHEMA = "gis"
STORED_SRID = 4490
"""Geometries are stored in CGCS2000 (EPSG:4490), longitude first."""

METADATA = MetaData(schema=SCHEMA)

_INT32 = 2_147_483_647
ACTOR = "coalesce(nullif(current_setting('gis.actor', true), ''), session_user)"
_UPLOAD = "nullif(current_setting('gis.upload', true), '')::uuid"

AREA = Table(
    "area",
    METADATA,
    Column("code", Text, nullable=False, comment="12 位社区代码"),
    Column("name", Text, nullable=False, comment="名称"),
    Column("metric_srid", Integer, nullable=False, comment="量测坐标系 EPSG 代码"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()"), comment="建立时间"),
    PrimaryKeyConstraint("code", name="area_pkey"),
    CheckConstraint("code ~ '^[0-9]{12}$'", name="area_code_digits"),
    comment="社区:区域登记与其量测坐标系",
)
AREA_RULE = Table(
    "area_rule",
    METADATA,
    Column("community", Text, nullable=False, comment="12 位社区代码"),
    Column("rule", Text, nullable=False, comment="阈值代码"),
    Column("value", Double, nullable=False, comment="本社区采用的数值"),
    Column("basis", Text, nullable=False, comment="依据"),
    PrimaryKeyConstraint("community", "rule", name="area_rule_pkey"),
    ForeignKeyConstraint(["community"], [AREA.c.code], name="area_rule_community_fkey", ondelete="CASCADE"),
    comment="社区对阈值的调整",
)
LAYER_VERSION = Table(
    "layer_version",
    METADATA,
    Column("community", Text, nullable=False, comment="12 位社区代码"),
    Column("layer", Text, nullable=False, comment="图层"),
    Column("version", BigInteger, nullable=False, comment="版本号:每个改动了该层的事务加一"),
    Column("changed_at", DateTime(timezone=True), nullable=False, comment="最近改动时间"),
    PrimaryKeyConstraint("community", "layer", name="layer_version_pkey"),
    comment="图层版本:缓存标识由它而来",
)
UPLOAD = Table(
    "upload",
    METADATA,
    Column("community", Text, nullable=False, comment="12 位社区代码"),
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()"), comment="标识"),
    Column("key", Text, nullable=False, comment="幂等键"),
    Column("layer", Text, nullable=False, comment="图层"),
    Column("file_name", Text, nullable=False, comment="文件名"),
    Column("sha256", Text, nullable=False, comment="文件 SHA-256"),
    Column("crs", Text, nullable=False, comment="文件坐标系"),
    Column("crs_evidence", Text, nullable=False, comment="坐标系依据"),
    Column("encoding", Text, comment="文字编码"),
    Column("attribution", Text, comment="须在地图上注明的来源"),
    Column("added", Integer, nullable=False, comment="新增"),
    Column("changed", Integer, nullable=False, comment="变更"),
    Column("moved", Integer, nullable=False, comment="移位"),
    Column("unchanged", Integer, nullable=False, comment="未变"),
    Column("refused", Integer, nullable=False, comment="拒收"),
    Column("actor", Text, nullable=False, server_default=text(ACTOR), comment="操作者"),
    Column("committed_at", DateTime(timezone=True), nullable=False, server_default=text("now()"), comment="入库时间"),
    Column("removed", Integer, nullable=False, server_default="0", comment="删除"),
    Column("reverts", Uuid, comment="它撤回的上传"),
    PrimaryKeyConstraint("community", "id", name="upload_pkey"),
    UniqueConstraint("community", "key", name="upload_key_key"),
    ForeignKeyConstraint(["community"], [AREA.c.code], name="upload_community_fkey"),
    ForeignKeyConstraint(
        ["community", "reverts"], [f"{SCHEMA}.upload.community", f"{SCHEMA}.upload.id"], name="upload_reverts_fkey"
    ),
    comment="入库的上传",
)
JOB = Table(
    "job",
    METADATA,
    Column("community", Text, nullable=False, comment="12 位社区代码"),
    Column("id", Uuid, nullable=False, comment="标识"),
    Column("kind", Text, nullable=False, comment="做什么"),
    Column("subject", JSONB, nullable=False, comment="对什么做"),
    Column("state", Text, nullable=False, server_default="waiting", comment="进行到哪一步"),
    Column("done", Integer, nullable=False, server_default="0", comment="已完成"),
    Column("total", Integer, comment="共有"),
    Column("attempts", Integer, nullable=False, server_default="0", comment="开始过几次"),
    Column("problem", Text, comment="失败的原因"),
    Column("actor", Text, nullable=False, server_default=text(ACTOR), comment="操作者"),
    Column("role", Text, nullable=False, comment="操作者的角色"),
    Column("areas", ARRAY(Text), nullable=False, comment="操作者的范围"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()"), comment="提交时间"),
    Column("finished_at", DateTime(timezone=True), comment="结束时间"),
    PrimaryKeyConstraint("community", "id", name="job_pkey"),
    ForeignKeyConstraint(["community"], [AREA.c.code], name="job_community_fkey", ondelete="CASCADE"),
    CheckConstraint("state in ('waiting', 'running', 'done', 'failed', 'cancelled')", name="job_state_known"),
    Index("job_unfinished_idx", "created_at", postgresql_where=text("state in ('waiting', 'running')")),
    comment="后台的工作",
)
REPORTED_TOTAL = Table(
    "reported_total",
    METADATA,
    Column("community", Text, nullable=False, comment="12 位社区代码"),
    Column("code", Text, nullable=False, comment="指标代码"),
    Column("position", Integer, nullable=False, comment="排列次序"),
    Column("title", Text, nullable=False, comment="指标"),
    Column("value", Double, nullable=False, comment="上报数"),
    Column("qualifier", Text, nullable=False, server_default="", comment="约、余、近、左右,或空"),
    Column("unit", Text, nullable=False, comment="单位"),
    Column("as_of", Text, nullable=False, server_default="", comment="时点原文"),
    Column("measure", Text, nullable=False, comment="由图层计算的方法名"),
    Column("source", Text, nullable=False, comment="出处"),
    PrimaryKeyConstraint("community", "code", name="reported_total_pkey"),
    ForeignKeyConstraint(["community"], [AREA.c.code], name="reported_total_community_fkey", ondelete="CASCADE"),
    comment="上报总数:与图层核对用,不强求相等",
)


@dataclass(frozen=True)
class LayerTables:
    """The tables of one layer: current rows, their history, and the personal fields where there are any."""

    current: Table
    history: Table
    personal: Table | None


@cache
def tables_of(layer: Layer) -> LayerTables:
    """Return the tables of a layer, derived from its declaration."""
    personal = _personal_table(layer) if layer.personal_fields else None
    return LayerTables(_current_table(layer), _history_table(layer), personal)


def _current_table(layer: Layer) -> Table:
    name = layer.name
    key = ("community", "code") if layer.visibility == "community" else ("community", "grid", "code")
    return Table(
        name,
        METADATA,
        *_columns(layer),
        *_checks(layer),
        PrimaryKeyConstraint("community", "id", name=f"{name}_pkey"),
        UniqueConstraint(*key, name=f"{name}_key", postgresql_nulls_not_distinct=layer.visibility == "grid" or None),
        ForeignKeyConstraint(["community"], [AREA.c.code], name=f"{name}_community_fkey"),
        Index(f"{name}_geom_idx", "geom", postgresql_using="gist"),
        Index(f"{name}_grid_idx", "community", "grid"),
        comment=f"{layer.title}:{layer.summary}",
    )


def _history_table(layer: Layer) -> Table:
    """Return the twin: the same columns without bounds, and until when a version was held to be true.

    ``recorded_at`` is where a version's period begins, ``recorded_to`` where it ends (infinity: still current).
    """
    name = f"{layer.name}_history"
    return Table(
        name,
        METADATA,
        *(Column(c.name, c.type, nullable=c.nullable, comment=c.comment) for c in _columns(layer)),
        Column("operation", Text, nullable=False, comment="insert、update 或 delete"),
        Column("recorded_to", DateTime(timezone=True), nullable=False, server_default="infinity", comment="记录止于"),
        # One transaction may delete a row and bring it back: its versions then differ only in when they were written.
        Column(
            "written_at",
            DateTime(timezone=True),
            nullable=False,
            server_default=text("clock_timestamp()"),
            comment="写入时刻",
        ),
        PrimaryKeyConstraint("community", "id", "version", "recorded_at", "written_at", name=f"{name}_pkey"),
        Index(f"{name}_current_idx", "community", "id", unique=True, postgresql_where=text("recorded_to = 'infinity'")),
        comment=f"{layer.title}的历史版本",
    )


def _personal_table(layer: Layer) -> Table:
    name = f"{layer.name}_personal"
    return Table(
        name,
        METADATA,
        Column("community", Text, nullable=False, comment="12 位社区代码"),
        Column("id", Uuid, nullable=False, comment="标识"),
        *(_column(field) for field in layer.personal_fields),
        *(check for field in layer.personal_fields for check in _field_checks(name, field)),
        Column(
            "written_at",
            DateTime(timezone=True),
            nullable=False,
            server_default=text("now()"),
            comment="写入时刻;保留期从它算起",
        ),
        PrimaryKeyConstraint("community", "id", name=f"{name}_pkey"),
        ForeignKeyConstraint(
            ["community", "id"],
            [f"{SCHEMA}.{layer.name}.community", f"{SCHEMA}.{layer.name}.id"],
            name=f"{name}_feature_fkey",
            ondelete="CASCADE",
        ),
        comment=f"{layer.title}的个人信息:单独存放、可删除、无历史",
    )


def _columns(layer: Layer) -> list[Column[object]]:
    return [
        Column("community", Text, nullable=False, comment="12 位社区代码"),
        Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()"), comment="标识"),
        Column("grid", Text, comment="15 位网格代码,由几何推出"),
        *(_column(field) for field in layer.fields),
        Column(
            "geom",
            Geometry(layer.geometry, srid=STORED_SRID, spatial_index=False),
            nullable=False,
            comment="几何,CGCS2000 经纬度",
        ),
        Column("upload", Uuid, server_default=text(_UPLOAD), comment="写入它的上传"),
        Column("version", Integer, nullable=False, server_default="1", comment="行版本"),
        Column(
            "recorded_at", DateTime(timezone=True), nullable=False, server_default=text("now()"), comment="记录时间"
        ),
        Column("recorded_by", Text, nullable=False, server_default=text(ACTOR), comment="记录者"),
    ]


def _column(field: LayerField) -> Column[object]:
    default = field.default
    return Column(
        field.name,
        column_type(field),
        nullable=field.nullable,
        server_default=None if default is None else str(default).lower() if isinstance(default, bool) else str(default),
        comment=f"{field.title}({field.unit})" if field.unit else field.title,
    )


def column_type(field: LayerField) -> TypeEngine[Any]:
    """Return the column type of a field; whole numbers grow to bigint when their bound asks for it."""
    types: dict[Kind, TypeEngine[Any]] = {
        Kind.TEXT: Text(),
        Kind.INTEGER: BigInteger() if (field.maximum or 0) > _INT32 else Integer(),
        Kind.NUMBER: Double(),
        Kind.BOOLEAN: Boolean(),
        Kind.DATE: Date(),
        Kind.TIME: DateTime(timezone=True),
        Kind.TEXTS: ARRAY(Text()),
    }
    return types[field.kind]


def _checks(layer: Layer) -> list[CheckConstraint]:
    name = layer.name
    return [
        CheckConstraint("community ~ '^[0-9]{12}$'", name=f"{name}_community_digits"),
        CheckConstraint("left(grid, 12) = community and length(grid) = 15", name=f"{name}_grid_in_community"),
        CheckConstraint("ST_IsValid(geom) and not ST_IsEmpty(geom)", name=f"{name}_geom_valid"),
        # Metres taken for degrees can't be drawn; NaN sorts above 180, so the same comparisons keep it out.
        CheckConstraint(
            "ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90",
            name=f"{name}_geom_on_globe",
        ),
        *(check for field in layer.fields for check in _field_checks(name, field)),
    ]


def _field_checks(table: str, field: LayerField) -> list[CheckConstraint]:
    """Turn a field's bounds into CHECKs, so that data which arrives by any door obeys them."""
    column, checks = field.name, []
    if field.codes is not None:
        codes = ", ".join(_literal(code) for code in field.codes)
        if field.kind is Kind.TEXTS:
            checks.append(("codes", f"{column} <@ array[{codes}]::text[] and array_position({column}, null) is null"))
        else:
            checks.append(("codes", f"{column} in ({codes})"))
    if field.kind is Kind.NUMBER:
        # NaN sorts above infinity in PostgreSQL, so one pair of comparisons keeps all three out.
        checks.append(("finite", f"{column} > '-infinity' and {column} < 'infinity'"))
    if field.minimum is not None:
        checks.append(("minimum", f"{column} {'>' if field.exclusive_minimum else '>='} {field.minimum}"))
    if field.maximum is not None:
        checks.append(("maximum", f"{column} <= {field.maximum}"))
    if field.kind is Kind.TEXT and field.min_length:
        checks.append(("min_length", f"char_length({column}) >= {field.min_length}"))
    if field.kind is Kind.TEXT and field.max_length is not None:
        checks.append(("max_length", f"char_length({column}) <= {field.max_length}"))
    if field.pattern is not None:
        checks.append(("pattern", f"{column} ~ {_literal(field.pattern)}"))
    return [CheckConstraint(rule, name=f"{table}_{column}_{kind}") for kind, rule in checks]


def _literal(value: str) -> str:
    """Quote a text for DDL; the colon is escaped because SQLAlchemy reads ``:name`` as a parameter."""
    return "'" + value.replace("'", "''").replace(":", "\\:") + "'"


for _layer in LAYERS.values():
    tables_of(_layer)
