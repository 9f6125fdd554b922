"""The tables of cases: the steps that there are, those that were made, photos, and what phones have sent."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Index,
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
from layers.flows import moves

FLOW_STEP = Table(
    "flow_step",
    METADATA,
    Column("flow", Text, nullable=False, comment="流程"),
    Column("step", Text, nullable=False, comment="步骤"),
    Column("from_state", Text, nullable=False, comment="步骤之前的状态"),
    Column("to_flow", Text, nullable=False, comment="步骤之后的流程"),
    Column("to_state", Text, nullable=False, comment="步骤之后的状态"),
    Column("offices", ARRAY(Text), nullable=False, comment="谁可以走这一步"),
    Column("requires", ARRAY(Text), nullable=False, comment="必须写明什么"),
    Column("graves", Text, nullable=False, comment="对哪些案件可以走这一步"),
    Column("offers", ARRAY(Text), nullable=False, comment="还可以写明什么;别的不能写"),
    PrimaryKeyConstraint("flow", "from_state", "step", name="flow_step_pkey"),
    comment="办理流程:没有列在这里的步骤,数据库一律拒绝",
)
CASE_STEP = Table(
    "case_step",
    METADATA,
    Column("community", Text, nullable=False, comment="12 位社区代码"),
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()"), comment="标识,可由终端给出"),
    Column("case_id", Uuid, nullable=False, comment="案件"),
    Column("position", Integer, nullable=False, comment="第几步"),
    Column("step", Text, nullable=False, comment="步骤"),
    Column("from_flow", Text, nullable=False, comment="步骤之前的流程"),
    Column("from_state", Text, nullable=False, comment="步骤之前的状态"),
    Column("to_flow", Text, nullable=False, comment="步骤之后的流程"),
    Column("to_state", Text, nullable=False, comment="步骤之后的状态"),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()"), comment="何时走的这一步"),
    Column("due_at", DateTime(timezone=True), comment="本环节的时限"),
    Column("remind_at", DateTime(timezone=True), comment="何时提醒"),
    Column("due_on", Date, comment="整改期限"),
    Column("note", Text, comment="情况说明"),
    Column("handler", Text, comment="处置岗位"),
    Column("department", Text, comment="移交部门"),
    Column("reference", Text, comment="对方的编号或文号"),
    Column("level", Text, comment="认定的等级"),
    Column("main_code", Text, comment="并入的主案编码"),
    Column("office", Text, nullable=False, comment="以什么身份"),
    Column("actor", Text, nullable=False, server_default=text(ACTOR), comment="操作者"),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=text("now()"), comment="记录时间"),
    PrimaryKeyConstraint("community", "id", name="case_step_pkey"),
    UniqueConstraint("community", "case_id", "position", name="case_step_position_key"),
    ForeignKeyConstraint(["community"], [AREA.c.code], name="case_step_community_fkey"),
    ForeignKeyConstraint(
        ["from_flow", "from_state", "step"], [FLOW_STEP.c.flow, FLOW_STEP.c.from_state, FLOW_STEP.c.step],
        name="case_step_in_flow",
    ),
    CheckConstraint("char_length(note) <= 2000", name="case_step_note_max_length"),
    CheckConstraint("char_length(handler) <= 120", name="case_step_handler_max_length"),
    CheckConstraint("char_length(reference) <= 80", name="case_step_reference_max_length"),
    comment="案件走过的步骤:只增不改",
)  # fmt: skip
CASE_PHOTO = Table(
    "case_photo",
    METADATA,
    Column("community", Text, nullable=False, comment="12 位社区代码"),
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()"), comment="标识,可由终端给出"),
    Column("case_id", Uuid, nullable=False, comment="案件"),
    Column("stage", Text, nullable=False, comment="处置前或处置后"),
    Column("sha256", Text, nullable=False, comment="照片文件的 SHA-256"),
    Column("width", Integer, nullable=False, comment="宽(像素)"),
    Column("height", Integer, nullable=False, comment="高(像素)"),
    Column("bytes", BigInteger, nullable=False, comment="文件字节数"),
    Column("taken_at", DateTime(timezone=True), comment="拍摄时间"),
    Column("actor", Text, nullable=False, server_default=text(ACTOR), comment="谁加的"),
    Column("added_at", DateTime(timezone=True), nullable=False, server_default=text("now()"), comment="加入时间"),
    PrimaryKeyConstraint("community", "id", name="case_photo_pkey"),
    ForeignKeyConstraint(["community"], [AREA.c.code], name="case_photo_community_fkey"),
    CheckConstraint("stage in ('before', 'after')", name="case_photo_stage_known"),
    CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="case_photo_sha256_digits"),
    Index("case_photo_case_idx", "community", "case_id"),
    Index("case_photo_sha256_idx", "sha256"),
    comment="案件的照片:文件在数据库之外,以内容的摘要为名",
)
SYNC_EDIT = Table(
    "sync_edit",
    METADATA,
    Column("community", Text, nullable=False, comment="12 位社区代码"),
    Column("id", Uuid, nullable=False, comment="终端给出的标识"),
    Column("kind", Text, nullable=False, comment="哪一种改动"),
    Column("body", JSONB, nullable=False, comment="改动的内容"),
    Column("device", Text, nullable=False, server_default="", comment="终端"),
    Column("made_at", DateTime(timezone=True), nullable=False, comment="在终端上做的时刻"),
    Column("state", Text, nullable=False, comment="已写入、待人决定、已决定采用或放弃"),
    Column("result", JSONB, nullable=False, server_default=text("'{}'"), comment="写入了什么"),
    Column("problem", Text, comment="为什么没有写入"),
    Column("actor", Text, nullable=False, server_default=text(ACTOR), comment="谁做的"),
    Column("areas", ARRAY(Text), nullable=False, comment="做的人的范围"),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=text("now()"), comment="收到时间"),
    Column("settled_at", DateTime(timezone=True), comment="决定时间"),
    Column("settled_by", Text, comment="谁决定的"),
    PrimaryKeyConstraint("community", "id", name="sync_edit_pkey"),
    ForeignKeyConstraint(["community"], [AREA.c.code], name="sync_edit_community_fkey"),
    CheckConstraint("state in ('applied', 'conflict', 'settled', 'dropped')", name="sync_edit_state_known"),
    CheckConstraint("cardinality(areas) > 0", name="sync_edit_areas_some"),
    Index("sync_edit_waiting_idx", "community", "received_at", postgresql_where=text("state = 'conflict'")),
    comment="终端离线时做的改动:每一条要么已写入,要么等人决定",
)


def flow_rows() -> Iterator[str]:
    """Yield the statements that fill ``flow_step`` from the declared flows."""
    for move in moves():
        values = (move.flow, move.step.name, move.source, move.target_flow, move.target)
        lists = (
            "{" + ",".join(move.step.offices) + "}", "{" + ",".join(move.step.requires) + "}", move.step.graves,
            "{" + ",".join(move.step.offers) + "}",
        )  # fmt: skip
        yield "insert into gis.flow_step values (" + ", ".join(f"'{value}'" for value in (*values, *lists)) + ");"
