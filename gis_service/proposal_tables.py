"""Tables of the survey desk: proposals that wait for someone's decision, their rows, and what was said of headers."""

from __future__ import annotations

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Double,
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

from gis_service.tables import ACTOR, AREA, METADATA, STORED_SRID

STATES = ("processing", "needs_answer", "proposed", "committed", "refused")
MODES = ("append", "upsert", "replace")
STEPS = ("added", "changed", "moved", "removed", "unchanged", "refused", "unplaced", "conflict")

_NOW = text("now()")


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} in ({', '.join(repr(word) for word in words)})"


PROPOSAL = Table(
    "proposal",
    METADATA,
    Column("community", Text, nullable=False, comment="12 位社区代码"),
    Column("id", Uuid, nullable=False, comment="标识;入库后也是上传的标识"),
    Column("key", Text, nullable=False, comment="幂等键"),
    Column("state", Text, nullable=False, comment="处理状态"),
    Column("layer", Text, comment="图层;未定时为空"),
    Column("mode", Text, nullable=False, comment="追加、更新或替换网格"),
    Column("grid", Text, comment="替换的网格"),
    Column("file_name", Text, nullable=False, comment="文件名"),
    Column("sha256", Text, nullable=False, comment="文件 SHA-256"),
    Column("bytes", BigInteger, nullable=False, comment="文件字节数"),
    Column("source", Text, nullable=False, comment="行里没有写时的数据来源"),
    Column("attribution", Text, comment="须在地图上注明的来源"),
    Column("answers", JSONB, nullable=False, server_default=text("'{}'"), comment="对问题的回答"),
    Column("questions", JSONB, nullable=False, server_default=text("'[]'"), comment="等待回答的问题"),
    Column("report", JSONB, nullable=False, server_default=text("'{}'"), comment="文件检查的结果"),
    Column("problem", Text, comment="不能使用的原因"),
    Column("fields", ARRAY(Text), nullable=False, server_default=text("'{}'"), comment="文件给出的字段"),
    Column("for_new", ARRAY(Text), nullable=False, server_default=text("'{}'"), comment="只用于新要素的字段"),
    Column("actor", Text, nullable=False, server_default=text(ACTOR), comment="操作者"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW, comment="收到时间"),
    PrimaryKeyConstraint("community", "id", name="proposal_pkey"),
    UniqueConstraint("community", "key", name="proposal_key_key"),
    ForeignKeyConstraint(["community"], [AREA.c.code], name="proposal_community_fkey"),
    CheckConstraint(_one_of("state", STATES), name="proposal_state_known"),
    CheckConstraint(_one_of("mode", MODES), name="proposal_mode_known"),
    CheckConstraint("(mode = 'replace') = (grid is not null)", name="proposal_grid_replaced"),
    comment="上传的提案:会改什么,等人决定",
)
PROPOSAL_ROW = Table(
    "proposal_row",
    METADATA,
    Column("community", Text, nullable=False, comment="12 位社区代码"),
    Column("proposal", Uuid, nullable=False, comment="提案"),
    Column("row", Integer, nullable=False, comment="文件里的行号;要删除的要素为负数"),
    Column("step", Text, nullable=False, comment="会怎样"),
    Column("code", Text, nullable=False, server_default="", comment="编码"),
    Column("feature", Uuid, comment="对上的要素"),
    Column("base", Integer, comment="提案时该要素的版本"),
    Column("grid", Text, comment="15 位网格代码"),
    Column("moved_m", Double, comment="移动的米数"),
    Column("values", JSONB, comment="文件给出的值"),
    Column("geom", Geometry("GEOMETRY", srid=STORED_SRID, spatial_index=False), comment="文件给出的几何"),
    Column("problems", JSONB, comment="逐字段的问题和提醒"),
    Column("left_out", Text, comment="为什么不要这一行;空为要"),
    Column("written", Uuid, comment="写入它的上传"),
    PrimaryKeyConstraint("community", "proposal", "row", name="proposal_row_pkey"),
    # No foreign key to the proposal, which would be asked for each of a million rows: whoever keeps rows holds the
    # proposal locked, and a trigger takes them along when it is deleted.
    CheckConstraint(_one_of("step", STEPS), name="proposal_row_step_known"),
    comment="提案的各行",
)  # fmt: skip
HEADER_ANSWER = Table(
    "header_answer",
    METADATA,
    Column("community", Text, nullable=False, comment="12 位社区代码"),
    Column("layer", Text, nullable=False, comment="图层"),
    Column("header", Text, nullable=False, comment="文件里的列名"),
    Column("field", Text, comment="对上的字段;空为不导入"),
    Column("actor", Text, nullable=False, server_default=text(ACTOR), comment="操作者"),
    Column("answered_at", DateTime(timezone=True), nullable=False, server_default=_NOW, comment="回答时间"),
    PrimaryKeyConstraint("community", "layer", "header", name="header_answer_pkey"),
    ForeignKeyConstraint(["community"], [AREA.c.code], name="header_answer_community_fkey", ondelete="CASCADE"),
    comment="列名对应哪个字段:人回答过一次就记住",
)
