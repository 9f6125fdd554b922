"""The command line: ``gis-service``."""

from __future__ import annotations

import os
import sys

import typer

from api.commands import areas, audit, calendars, database, reports, sample, tls, tokens, users
from api.commands.backups import backup, backup_key, verify_backup
from api.commands.doctor import doctor
from api.commands.erase import erase_
from api.commands.exports import export
from api.commands.forms import form
from api.commands.maps import analyse, map_
from api.commands.restore import restore
from api.commands.reverts import revert, uploads
from api.commands.serve import serve
from api.commands.uploads import upload
from api.commands.worker import worker
from api.console import ERRORS
from gis_service.errors import ServiceError
from gis_service.local_cluster import ClusterError
from layers.errors import DeclarationError
from maps.base_map import BaseLayerError
from maps.static_files import MissingFileError

app = typer.Typer(
    name="gis-service",
    help="城市社区的工作地图:图层、查询、地图与普查导入。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve)
app.command("form")(form)
app.command("upload")(upload)
app.command("uploads")(uploads)
app.command("revert")(revert)
app.command("worker")(worker)
app.command("map")(map_)
app.command("export")(export)
app.command("analyse")(analyse)
app.command("reconcile")(sample.reconcile)
app.command("doctor")(doctor)
app.command("backup-key")(backup_key)
app.command("backup")(backup)
app.command("verify-backup")(verify_backup)
app.command("restore")(restore)
app.command("erase")(erase_)
app.add_typer(reports.app, name="report")
app.add_typer(areas.app, name="area")
app.add_typer(calendars.app, name="calendar")
app.add_typer(sample.app, name="sample")
app.add_typer(users.app, name="user")
app.add_typer(tokens.app, name="token")
app.add_typer(audit.app, name="audit")
app.add_typer(tls.app, name="tls")
app.add_typer(database.app, name="database")


def main() -> None:
    """Run a command; what goes wrong is one sentence on standard error and exit code 1."""
    try:
        app()
    except (ServiceError, ClusterError, DeclarationError, BaseLayerError, MissingFileError) as error:
        if os.environ.get("GIS_DEBUG"):
            raise
        ERRORS.print(str(error), soft_wrap=True)
        sys.exit(1)
    except OSError as error:
        if os.environ.get("GIS_DEBUG"):
            raise
        where = f" {error.filename}" if error.filename else ""
        ERRORS.print(f"系统不让读写{where}({error.strerror});请检查权限和磁盘空间。", soft_wrap=True)
        sys.exit(1)
