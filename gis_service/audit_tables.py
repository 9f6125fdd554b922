"""Tables of the audit: what a transaction touched, and the chain of what was ever written or read of people."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from gis_service.tables import METADATA

TOUCH = Table(
    "touch",
    METADATA,
    Column("xact", Text, nullable=False, comment="事务号"),
    Column("community", Text, nullable=False, comment="12 位社区代码;与社区无关的为空"),
    Column("subject", Text, nullable=False, comment="图层或表"),
    Column("operation", Text, nullable=False, comment="insert、update、delete 或 read"),
    Column("key", Text, nullable=False, comment="对谁或对什么:账户名,或看了谁的个人信息"),
    Column("detail", Text, nullable=False, comment="说明:给了什么,或为什么看"),
    Column("rows", BigInteger, nullable=False, comment="行数"),
    Column("versioned", Boolean, nullable=False, comment="图层有版本号"),
    PrimaryKeyConstraint("xact", "community", "subject", "operation", "key", "detail", name="touch_pkey"),
    comment="本事务写过和看过的;提交时转为版本号和审计记录",
)
AUDIT = Table(
    "audit",
    METADATA,
    Column("area", Text, nullable=False, comment="社区代码;关于账户的是它的范围共有的前缀"),
    Column("position", BigInteger, nullable=False, comment="在链上的位置,从 1 起不间断"),
    Column("at", DateTime(timezone=True), nullable=False, comment="提交时刻"),
    Column("actor", Text, nullable=False, comment="谁"),
    Column("role", Text, nullable=False, comment="以什么角色"),
    Column("upload", Uuid, comment="哪次上传"),
    Column("entries", JSONB, nullable=False, comment="一个事务写过和看过的"),
    Column("previous", LargeBinary, comment="前一条的摘要"),
    Column("digest", LargeBinary, nullable=False, comment="前一条的摘要和本条内容的 SHA-256"),
    Column("salt", Uuid, comment="随机数,算在摘要里;删除个人信息时一并抹去,原文就猜不出来"),
    Column("erased_at", DateTime(timezone=True), comment="何时抹去了其中的个人信息"),
    PrimaryKeyConstraint("area", "position", name="audit_pkey"),
    Index("audit_at_idx", "at"),
    comment="审计记录:每个事务一条,连成一条链",
)
AUDIT_HEAD = Table(
    "audit_head",
    METADATA,
    Column("area", Text, nullable=False, comment="哪一条链"),
    Column("position", BigInteger, nullable=False, server_default=text("0"), comment="最后一条的位置"),
    Column("digest", LargeBinary, comment="最后一条的摘要"),
    PrimaryKeyConstraint("area", name="audit_head_pkey"),
    comment="每条审计链的末端",
)
