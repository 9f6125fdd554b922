"""``gis-service map`` and ``gis-service analyse``: a map as one file, an analysis as JSON or CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.commands.written_file import check_folder, write_file
from api.console import CONSOLE
from api.days import day_of
from api.drawing import analysis_named, answer_of, draw_map, map_named, theme_named
from api.start import opened_database, operator_scope, read_settings
from gis_service.analysis.catalog import ANALYSES
from gis_service.analysis.document import to_csv, to_json
from gis_service.areas import only_area, read_area
from gis_service.database import Database
from gis_service.errors import InputError
from gis_service.scope import Scope
from maps.atlas import MAPS
from maps.numbers import written
from maps.offline import to_single_file


def map_(
    name: Annotated[str, typer.Argument(help=f"地图名称:{'、'.join(MAPS)}")],
    out: Annotated[Path, typer.Option(help="写到哪个文件,例如 一张图.html")],
    community: Annotated[str | None, typer.Option(help="12 位社区代码;只有一个社区时可不写")] = None,
    on: Annotated[str | None, typer.Option(help="计算日,例如 2026-11-23;不写为今天")] = None,
) -> None:
    """把一张地图写成单个文件:双击即可打开,不需要网络。"""
    entry = map_named(name)
    check_folder(out)
    with opened_database(read_settings()) as database:
        scope = operator_scope(database)
        drawn = draw_map(database, scope, entry, community_named(database, scope, community), day_of(on))
    write_file(out, to_single_file(drawn).encode())


def analyse(
    name: Annotated[str, typer.Argument(help=f"分析名称:{'、'.join(ANALYSES)}")],
    out: Annotated[Path | None, typer.Option(help="写到哪个文件:.json 为全部内容,.csv 为一张表;不写只说数字")] = None,
    community: Annotated[str | None, typer.Option(help="12 位社区代码;只有一个社区时可不写")] = None,
    on: Annotated[str | None, typer.Option(help="计算日,例如 2026-11-23;不写为今天")] = None,
    theme: Annotated[str | None, typer.Option(help="CSV 要哪一张表;不写为第一张")] = None,
) -> None:
    """做一项分析:说出结论和数字,要素和口径可写成 JSON 或 CSV。"""
    analysis = analysis_named(name)
    if out is not None:
        if out.suffix not in {".json", ".csv"}:
            raise InputError(f"不认识文件类型 {out.suffix!r};请用 .json 或 .csv。", "The file must be .json or .csv.")
        check_folder(out)
    with opened_database(read_settings()) as database:
        scope = operator_scope(database)
        answer = answer_of(database, scope, analysis, community_named(database, scope, community), day_of(on))
    CONSOLE.print(answer.finding, soft_wrap=True)
    if out is None:
        for fact in answer.facts:
            value = "无数据" if fact.value is None else f"{written(fact.value)} {fact.unit}"
            note = f"({fact.note})" if fact.note else ""
            CONSOLE.print(f"  {fact.title}:{value}{note}", soft_wrap=True)
    else:
        write_file(out, to_json(answer) if out.suffix == ".json" else to_csv(theme_named(answer, theme)))


def community_named(database: Database, scope: Scope, code: str | None) -> str:
    """Return the code of a registered community; without one that of the only community there is."""
    with database.read(scope) as conn:
        return (read_area(conn, code) if code else only_area(conn)).code
