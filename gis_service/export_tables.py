"""The table of exports: which sheets were made, of what, by whom; the files lie beside the database."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gis_service.tables import ACTOR, AREA, METADATA

EXPORT = Table(
    "export",
    METADATA,
    Column("community", Text, nullable=False, comment="12 位社区代码"),
    Column("id", Uuid, nullable=False, comment="标识"),
    Column("code", Text, nullable=False, comment="印在图上的编号"),
    Column("name", Text, nullable=False, comment="地图"),
    Column("format", Text, nullable=False, comment="文件格式"),
    Column("paper", Text, nullable=False, comment="纸张"),
    Column("orientation", Text, nullable=False, comment="横或竖"),
    Column("scale", Integer, comment="比例尺分母;空为自动"),
    Column("grid", Text, comment="只出一个网格:15 位网格代码"),
    Column("day", Date, nullable=False, comment="计算日"),
    Column("as_of", Date, comment="按哪一天结束时的记录;空为出图时的"),
    Column("author", Text, nullable=False, server_default="", comment="制图单位"),
    Column("review", Text, nullable=False, server_default="", comment="审图号"),
    Column("areas", ARRAY(Text), nullable=False, comment="谁的范围里的数据"),
    Column("title", Text, nullable=False, server_default="", comment="图名"),
    Column("finding", Text, nullable=False, server_default="", comment="结论"),
    Column("versions", JSONB, nullable=False, server_default=text("'{}'"), comment="出图时各图层的版本"),
    Column("figures", JSONB, nullable=False, server_default=text("'[]'"), comment="图上的数字"),
    Column("sha256", Text, comment="文件 SHA-256"),
    Column("bytes", BigInteger, comment="文件字节数"),
    Column("made_at", DateTime(timezone=True), comment="出好的时刻"),
    Column("actor", Text, nullable=False, server_default=text(ACTOR), comment="谁要的"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()"), comment="要的时刻"),
    PrimaryKeyConstraint("community", "id", name="export_pkey"),
    UniqueConstraint("community", "code", name="export_code_key"),
    ForeignKeyConstraint(["community"], [AREA.c.code], name="export_community_fkey", ondelete="CASCADE"),
    # Whoever has all of an export's areas sees it; with none it would be everybody's.
    CheckConstraint("cardinality(areas) > 0", name="export_areas_some"),
    comment="出过的图",
)
