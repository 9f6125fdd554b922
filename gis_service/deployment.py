"""What a deployment must look like to be safe, as far as the database can say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.backups.store import Store
from gis_service.cases.work_days import missing_years
from gis_service.certificates.folder import SOON_DAYS, Certificate, day_of
from gis_service.database import ROLES, spatial_index_helps
from gis_service.errors import NotFoundError
from gis_service.features.question import SHANGHAI
from gis_service.migrate import is_current
from gis_service.people.audit import Anchors, verify
from layers.registry import LAYERS

SECRET_KM2 = 25.0
"""Continuous area beyond which detailed maps are for a secrecy review (自然资发〔2020〕95 号,测绘地理信息管理工作
国家秘密范围:军事禁区以外连续覆盖范围超过 25 平方千米的大比例尺成果)."""

_STALE_HOURS = 24.0
_BACKUP_HOURS = 26.0
"""One is made each day; two hours are for a machine that was off at the time."""
_BEHIND_BYTES = 64 << 20


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what, whether it is as it must be, and what to do otherwise.

    ``needed`` says that the service isn't safe or doesn't work without it; the others are worth knowing.
    """

    name: str
    good: bool
    said: str = ""
    needed: bool = False


def check_database(conn: Connection) -> list[Check]:
    """Look at schema, index, roles and extension."""
    helps = spatial_index_helps(conn)
    wrong = [
        row.rolname
        for row in conn.execute(_ROLES, {"roles": list(ROLES)})
        if row.rolsuper or row.rolcreaterole or row.rolbypassrls != (row.rolname == "gis_backup")
    ]
    owned = conn.execute(_OWNED).scalars().all()
    around = conn.execute(_AROUND).scalars().all()
    version = conn.execute(text("select extversion from pg_extension where extname = 'postgis'")).scalar()
    return [
        Check("结构", is_current(conn), "请运行 gis-service database migrate", needed=True),
        Check(
            "空间索引", helps, "没有 leakproof 标记时,5 万行的图层按范围查询由 0.4 毫秒变为约 20 毫秒;"
            "请由超级用户运行 gis-service database prepare", needed=True,
        ),
        Check(
            "数据库角色", not wrong, f"角色 {'、'.join(wrong)} 的权限不对(行级安全会失效);"
            "请由超级用户运行 gis-service database prepare", needed=True,
        ),
        Check(
            "表的主人", not owned, f"gis_app 不该拥有表:{'、'.join(owned[:5])};请由超级用户改归 gis_owner", needed=True
        ),
        Check(
            "绕过行级安全的对象", not around,
            f"{'、'.join(around[:5])} 会绕过行级安全;请删去;视图要写 security_invoker = true,函数不要用 definer",
            needed=True,
        ),
        Check(
            "PostGIS", version is not None, "没有 PostGIS 扩展;请由超级用户运行 gis-service database prepare",
            needed=True,
        ),
    ]  # fmt: skip


def check_people(conn: Connection, *, beyond: bool) -> list[Check]:
    """Look at accounts; ``beyond`` says that the settings let other machines reach the service."""
    admins = conn.execute(_ADMINS).scalar_one()
    shown = conn.execute(text("select count(*) from gis.account where demo")).scalar_one()
    real = any(conn.execute(text(_REAL.format(layer=name))).scalar() for name in LAYERS)
    return [
        Check(
            "管理员", bool(admins) or bool(shown),
            "还没有管理员;请用 gis-service user add 名字 --role admin --area 区划代码",
        ),
        Check(
            "演示账户", not (shown and (real or beyond)),
            "有演示账户,而数据不只是示例,或别的机器能访问:任何人点一下就能进;请以 GIS_DEMO=0 重启", needed=True,
        ),
    ]  # fmt: skip


def check_audit(conn: Connection, anchors: Anchors) -> list[Check]:
    """Look at the audit and at how old its last anchor is."""
    known = anchors.read()
    links, findings = verify(conn, known)
    last = max((datetime.fromisoformat(one["at"]) for one in known), default=None)
    waiting = conn.execute(_UNANCHORED, {"last": last or datetime.min.replace(tzinfo=UTC)}).scalar()
    late = waiting is not None and datetime.now(UTC) - waiting > timedelta(hours=_STALE_HOURS)
    return [
        Check(
            "审计记录", not findings, f"{links:,} 条里有 {len(findings)} 处被动过;请运行 gis-service audit verify",
            needed=True,
        ),
        Check(
            "审计锚定", not late,
            f"最后一次锚定是 {last or '从未'};请运行 gis-service audit anchor,或让服务一直运行",
        ),
    ]  # fmt: skip


def check_backups(conn: Connection, store: Store | None, data: Path) -> list[Check]:
    """Look at how old the newest backup is, where it lies, and whether the log is being fetched.

    Parameters
    ----------
    store
        Where backups are kept; None where nothing was set.
    data
        The data folder, to whose disk backups shouldn't be entrusted.
    """
    if store is None:
        return [Check("备份", good=False, said="没有备份;请设 GIS_BACKUPS(另一台机器的共享目录)和 GIS_BACKUP_KEY")]
    try:
        found = store.backups()
    except NotFoundError as error:
        return [Check("备份", good=False, said=str(error), needed=True)]
    last = found[-1].manifest.made_at if found else None
    damaged = store.damaged()
    late = last is None or datetime.now(UTC) - last > timedelta(hours=_BACKUP_HOURS)
    behind = conn.execute(_BEHIND).scalar()
    return [
        Check(
            "备份", not late, f"最近一份备份:{f'{last.astimezone(SHANGHAI):%Y-%m-%d %H:%M}' if last else '还没有'};"
            "请让服务一直运行,或定时运行 gis-service backup,并看日志里为什么没有成功", needed=True,
        ),
        Check("备份都能读", not damaged, f"{'、'.join(damaged[:5])} 的 manifest.json 坏了;请删去或找回"),
        Check(
            "备份在别的磁盘", not data.exists() or store.folder.stat().st_dev != data.stat().st_dev,
            f"{store.folder} 与数据在同一块磁盘上,一坏都坏;请换成另一台机器的共享目录",
        ),
        Check(
            "数据库日志的备份", behind is not None and behind < _BEHIND_BYTES,
            "没有在取数据库的日志,只能恢复到最近一份备份的时刻;请让服务一直运行"
            if behind is None else f"数据库的日志落后 {behind / 1e6:,.0f} MB 没有取走;请看服务的日志里为什么",
        ),
    ]  # fmt: skip


def check_certificate(certificate: Certificate, host: str | None) -> Check:
    """Look at how long the service's certificate still lasts, and whether it is good for the host people go to."""
    left, ends = certificate.days_left(), day_of(certificate.until)
    if certificate.until <= datetime.now(UTC):
        said = "证书已到期,浏览器会拦住"
    elif left < SOON_DAYS:
        said = f"证书还有 {left} 天到期"
    else:
        said = ""
    renew = "gis-service tls make" if certificate.authority is not None else "gis-service tls take 新证书 私钥"
    good = not said
    if good and host is not None and not certificate.covers(host):
        good, said, renew = False, f"证书不包括 GIS_PUBLIC_URL 里的 {host},浏览器会拦住", f"{renew} 换一张"
    return Check(
        f"证书({ends}到期)", good, f"{said};请运行 {renew},不用重启服务", needed=certificate.until <= datetime.now(UTC)
    )


def check_extent(conn: Connection) -> Check:
    """Look at how much continuous ground the communities cover, in km² on the ellipsoid."""
    km2 = conn.execute(_LARGEST).scalar() or 0.0
    return Check(
        "保密审查", km2 <= SECRET_KM2,
        f"连成一片的范围有 {km2:.1f} 平方千米,超过 {SECRET_KM2:g} 平方千米;请依自然资发〔2020〕95 号报保密审查,"
        "导出和对外提供以前先问测绘主管部门",
    )  # fmt: skip


def check_calendars(conn: Connection, on: date) -> Check:
    """Look whether every community knows the holidays of this year, and from November on of the next one."""
    missing = "、".join(f"{year} 年({'、'.join(codes[:5])})" for year, codes in missing_years(conn, on).items())
    return Check(
        "工作日历", not missing, f"还没有节假日安排:{missing},工作时限只按周末推算;"
        "请用 gis-service calendar load 装入国务院办公厅的通知",
    )  # fmt: skip


_ROLES = text("select rolname, rolsuper, rolcreaterole, rolbypassrls from pg_roles where rolname = any (:roles)")
_OWNED = text(
    "select relname from pg_class where relnamespace = 'gis'::regnamespace and pg_get_userbyid(relowner) = 'gis_app'"
    " order by relname"
)
# Whatever reads as its owner: views without security_invoker, materialised views, tables that forgot their policies,
# and definer functions that no migration of ours made.
_AROUND = text("""
    select relname::text from pg_class c
    where relnamespace = 'gis'::regnamespace and (relkind = 'm'
      or (relkind = 'v' and not coalesce('security_invoker=true' = any (reloptions), false))
      or (relkind = 'r' and not relrowsecurity and has_table_privilege('gis_app', c.oid, 'select')
          and relname <> 'migration'))
    union all
    select proname || '()' from pg_proc p where pronamespace = 'gis'::regnamespace and prosecdef
      and coalesce(obj_description(p.oid, 'pg_proc'), '') not like 'Definer:%'
    union all
    select proname || '()' from pg_proc p where pronamespace = 'gis'::regnamespace and prosecdef
      and has_function_privilege('public', p.oid, 'execute')
    union all
    select relname || '(unique)' from pg_class i join pg_index x on x.indexrelid = i.oid
    where i.relnamespace = 'gis'::regnamespace and x.indisunique and x.indrelid in (
        select attrelid from pg_attribute where attname = 'community' and attnum > 0)
      and not exists (select from pg_attribute a where a.attrelid = x.indrelid and a.attname = 'community'
                      and a.attnum = any (x.indkey::smallint[]))
    order by 1""")
_REAL = "select exists (select from gis.{layer} where source <> 'synthetic')"
_ADMINS = text("select count(*) from gis.account where role = 'admin' and active and password_by is not null")
_BEHIND = text(
    "select pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8 from pg_replication_slots"
    " where slot_name = 'gis_backup' and active"
)
_UNANCHORED = text("select min(at) from gis.audit where at > :last")
_LARGEST = text(
    "select max(st_area((part).geom::geography)) / 1e6"
    " from (select st_dump(st_union(geom)) as part from gis.community) parts"
)
