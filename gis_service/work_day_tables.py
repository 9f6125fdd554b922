"""The table of days on which a community works or rests otherwise than the calendar of the package says."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, ForeignKeyConstraint, PrimaryKeyConstraint, Table, Text

from gis_service.tables import AREA, METADATA

WORK_DAY = Table(
    "work_day",
    METADATA,
    Column("community", Text, nullable=False, comment="12 位社区代码"),
    Column("day", Date, nullable=False, comment="日期"),
    Column("working", Boolean, nullable=False, comment="上班;否为休息"),
    Column("name", Text, nullable=False, comment="名称"),
    Column("basis", Text, nullable=False, comment="依据"),
    PrimaryKeyConstraint("community", "day", name="work_day_pkey"),
    ForeignKeyConstraint(["community"], [AREA.c.code], name="work_day_community_fkey", ondelete="CASCADE"),
    comment="社区的工作日历:与内置的节假日安排不同或内置没有的日子",
)
