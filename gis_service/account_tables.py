"""Tables of people: accounts, their areas, what proves a request to be theirs, and attempts to log in."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from gis_service.people.roles import ROLES
from gis_service.tables import ACTOR, METADATA

_NOW = text("now()")
_TODAY = text("(now() at time zone 'Asia/Shanghai')::date")
AREA_PATTERN = "^([0-9]{6}|[0-9]{9}|[0-9]{12}|[0-9]{15})$"
NAME_PATTERN = "^[a-z][a-z0-9_.-]{1,39}$"
KINDS = ("session", "token")

ACCOUNT = Table(
    "account",
    METADATA,
    Column("name", Text, nullable=False, comment="账户名;也是历史里的记录者"),
    Column("title", Text, nullable=False, comment="姓名或称呼"),
    Column("role", Text, nullable=False, comment="角色"),
    Column("password", Text, comment="口令的 argon2 摘要;空为不能用口令登录"),
    Column("password_by", Text, comment="谁设的口令"),
    Column("active", Boolean, nullable=False, server_default=text("true"), comment="可以使用"),
    Column("demo", Boolean, nullable=False, server_default=text("false"), comment="演示账户"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW, comment="建立时间"),
    Column("created_by", Text, nullable=False, server_default=text(ACTOR), comment="谁建立的"),
    PrimaryKeyConstraint("name", name="account_pkey"),
    CheckConstraint(f"name ~ '{NAME_PATTERN}'", name="account_name_pattern"),
    CheckConstraint("char_length(title) between 1 and 60", name="account_title_length"),
    CheckConstraint(f"role in ({', '.join(repr(name) for name in ROLES)})", name="account_role_known"),
    comment="账户",
)
ACCOUNT_AREA = Table(
    "account_area",
    METADATA,
    Column("account", Text, nullable=False, comment="账户名"),
    Column("area", Text, nullable=False, comment="区划代码,6、9、12 或 15 位"),
    Column("since", Date, nullable=False, server_default=_TODAY, comment="自哪天起(含)"),
    Column("until", Date, comment="到哪天止(含);空为长期"),
    Column("substitutes", Text, nullable=False, server_default="", comment="顶替谁;空为自己的范围"),
    Column("granted_by", Text, nullable=False, server_default=text(ACTOR), comment="谁给的"),
    PrimaryKeyConstraint("account", "area", "since", "substitutes", name="account_area_pkey"),
    ForeignKeyConstraint(["account"], [ACCOUNT.c.name], name="account_area_account_fkey", ondelete="CASCADE"),
    CheckConstraint(f"area ~ '{AREA_PATTERN}'", name="account_area_digits"),
    # A period that ends the day before it begins was taken back on its first day; rows stay, and say whose it was.
    CheckConstraint("until >= since - 1", name="account_area_period"),
    comment="账户的范围:长期的,或顶替期间的",
)
CREDENTIAL = Table(
    "credential",
    METADATA,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()"), comment="标识"),
    Column("hash", LargeBinary, nullable=False, comment="秘密的 SHA-256;秘密本身不保存"),
    Column("account", Text, nullable=False, comment="账户名"),
    Column("kind", Text, nullable=False, comment="登录会话或访问令牌"),
    Column("title", Text, nullable=False, comment="浏览器,或令牌的用途"),
    Column("areas", ARRAY(Text), comment="令牌只用于这些范围;空为账户的全部范围"),
    Column("read_only", Boolean, nullable=False, server_default=text("false"), comment="只能看"),
    Column("viewing", Text, comment="正以谁的身份查看"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW, comment="建立时间"),
    Column("used_at", DateTime(timezone=True), nullable=False, server_default=_NOW, comment="最近使用"),
    Column("idle_s", Integer, comment="多少秒不用就失效"),
    Column("expires_at", DateTime(timezone=True), nullable=False, comment="到期"),
    PrimaryKeyConstraint("id", name="credential_pkey"),
    UniqueConstraint("hash", name="credential_hash_key"),
    ForeignKeyConstraint(["account"], [ACCOUNT.c.name], name="credential_account_fkey", ondelete="CASCADE"),
    ForeignKeyConstraint(["viewing"], [ACCOUNT.c.name], name="credential_viewing_fkey", ondelete="CASCADE"),
    CheckConstraint(f"kind in ({', '.join(repr(kind) for kind in KINDS)})", name="credential_kind_known"),
    Index("credential_account_idx", "account"),
    comment="登录会话与访问令牌",
)
LOGIN_ATTEMPT = Table(
    "login_attempt",
    METADATA,
    Column("id", BigInteger, Identity(always=True), nullable=False, comment="标识"),
    Column("account", Text, nullable=False, comment="写下的账户名"),
    Column("address", Text, nullable=False, comment="来自哪里"),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()"), comment="何时"),
    Column("succeeded", Boolean, nullable=False, server_default=text("false"), comment="成功"),
    PrimaryKeyConstraint("id", name="login_attempt_pkey"),
    Index("login_attempt_account_idx", "account", "at"),
    Index("login_attempt_address_idx", "address", "at"),
    comment="登录的尝试:保留一天,用来限制猜口令",
)
