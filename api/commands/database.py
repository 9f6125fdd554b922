"""``gis-service database``: prepare, migrate, write migrations."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from api.console import CONSOLE
from api.start import opened_database, operator_scope, read_settings
from gis_service.database import ROLES, open_engine, prepare
from gis_service.errors import InputError
from gis_service.migrate import migrate, write_migration

app = typer.Typer(help="数据库:准备、迁移。", no_args_is_help=True)


@app.command("prepare")
def prepare_() -> None:
    """在别处的 PostGIS 上建角色、数据库和扩展(超级用户,一次):读 GIS_DATABASE_SUPERUSER_URL 和各角色的口令。"""
    url = _needed("GIS_DATABASE_SUPERUSER_URL", "超级用户的数据库地址")
    passwords = {role: _needed(f"{role.upper()}_PASSWORD", f"角色 {role} 的口令") for role in ROLES}
    prepare(url, passwords)
    CONSOLE.print("数据库已准备好。")


@app.command("migrate")
def migrate_() -> None:
    """把结构迁移到本版本。"""
    settings = read_settings()
    if settings.database_owner_url:
        migrate(open_engine(settings.database_owner_url))
    else:
        with opened_database(settings):
            pass
    CONSOLE.print("结构已是本版本。")


@app.command("make-migration")
def make_migration(subject: Annotated[str, typer.Argument(help="英文小写,例如 street_lamp")]) -> None:
    """为数据库里还没有的图层写一份迁移。"""
    with opened_database(read_settings()) as database, database.read(operator_scope(database)) as conn:
        try:
            path = write_migration(conn, subject)
        except ValueError as error:
            raise InputError(str(error), "There is no new layer.") from error
    CONSOLE.print(f"已写出 {path.name} 和同名的 .sql;读一遍,再运行 gis-service database migrate。")


def _needed(name: str, what: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise InputError(f"请设置环境变量 {name}({what})。", f"Set the environment variable {name}.")
    return value
