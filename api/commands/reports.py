"""``gis-service report``: a superior's form (报表) is mapped once, and refilled with one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from api.commands.maps import community_named
from api.commands.written_file import check_folder, write_file
from api.console import CONSOLE
from api.days import day_of
from api.start import opened_database, operator_scope, read_settings
from gis_service.errors import InputError
from gis_service.reports.figure import Figure, key_of, written
from gis_service.reports.files.errors import FormError
from gis_service.reports.files.opening import open_form
from gis_service.reports.filling import fill_plan, plan_of, problem_of
from gis_service.reports.mapping import guessed, mapping_file, read_mapping
from gis_service.reports.reading import Read, read_figures

app = typer.Typer(
    help="上级的报表(XLSX、DOCX):对照一次,以后一条命令填好,每个数都说得出从哪里来。", no_args_is_help=True
)

CommunityOption = Annotated[str | None, typer.Option(help="12 位社区代码;只有一个社区时可不写")]
DayOption = Annotated[str | None, typer.Option(help="计算日,例如 2026-11-30;不写为今天")]
ReplaceOption = Annotated[bool, typer.Option("--replace", help="已有同名的文件也写,换掉它")]


@app.command("figures")
def figures(
    group: Annotated[str | None, typer.Option(help="只列一组,例如 hazards 或 隐患")] = None,
    community: CommunityOption = None,
    on: DayOption = None,
) -> None:
    """列出可以填进报表的全部指标:名称、现在的数、单位、口径和回答它的网页。"""
    settings = read_settings()
    read = _read(community, on, None if group is None else {group})
    if not read.catalogue.figures:
        raise InputError(f"没有这一组指标:{group};不写 --group 列出全部。", f"There is no group {group!r} of figures.")
    base = (settings.public_url or "").rstrip("/")
    _print(f"{read.area_name},计算日 {read.on}")
    question = ("", "")
    for figure in read.catalogue.figures:
        # What several figures share is said once, above them.
        if question != (figure.method, figure.address):
            question = (figure.method, figure.address)
            _print(f"\n口径:{figure.method}" + (f"\n网页:{base}{figure.address}" if figure.address else ""))
        value = "无数据" if figure.value is None else f"{written(figure.value)} {figure.unit}".strip()
        _print(f"  {figure.name} = {value}" + (",可加 @网格代码" if figure.by_grid is not None else ""))


def _print(text: str) -> None:
    CONSOLE.print(text, soft_wrap=True)


@app.command("map")
def map_places(
    form: Annotated[Path, typer.Argument(help="上级的空表,.xlsx 或 .docx")],
    out: Annotated[Path, typer.Option(help="对照表写到哪里,例如 月报对照.csv")],
    community: CommunityOption = None,
    on: DayOption = None,
    replace: ReplaceOption = False,
) -> None:
    """看一份报表有哪些可以填的位置(占位符、名称、标签旁的空格),写成对照表:在 Excel 里把“指标”一列填好。"""
    if out.suffix.lower() != ".csv":
        raise InputError(f"不认识文件类型 {out.suffix!r};对照表请用 .csv。", "The mapping must be .csv.")
    _check_out(out, form, replace=replace)
    try:
        with open_form(form) as opened:
            found = opened.find()
    except FormError as error:
        raise problem_of(error) from error
    rows = guessed(found, _read(community, on).catalogue)
    write_file(out, mapping_file(rows))
    known = sum(bool(row.figure) for row in rows)
    CONSOLE.print(f"{form.name}:{len(rows)} 个位置,{known} 个已猜出指标;请在 Excel 里核对“指标”一列,不填的留空。")
    for problem in found.problems:
        CONSOLE.print(f"注意:{problem}。", soft_wrap=True)


@app.command("fill")
def fill(
    form: Annotated[Path, typer.Argument(help="上级的空表,.xlsx 或 .docx")],
    out: Annotated[Path, typer.Option(help="填好的表写到哪里;扩展名与空表相同")],
    mapping: Annotated[Path | None, typer.Option(help="对照表(report map 写的 .csv);占位符直接写指标时可不要")] = None,
    community: CommunityOption = None,
    on: DayOption = None,
    replace: ReplaceOption = False,
) -> None:
    """把报表填好,版式不动;另附“出处”,说明每个数的口径、日期和网址。表里的数互相矛盾时会说。"""
    if out.suffix.lower() != form.suffix.lower():
        raise InputError(
            f"填好的表应与空表同为 {form.suffix};请把 --out 改成 {out.stem}{form.suffix}。",
            "The filled form must have the form's own extension.",
        )
    _check_out(out, form, replace=replace)
    rows = read_mapping(mapping) if mapping else []
    settings = read_settings()
    try:
        with open_form(form) as opened:
            found = opened.find()
            plan = plan_of(found, rows)
            filled = fill_plan(plan, found, _read(community, on, plan.groups), public_url=settings.public_url)
            content = opened.fill(filled.filling)
    except FormError as error:
        raise problem_of(error) from error
    write_file(out, content)
    _say(filled.rows)
    for asked in plan.left:
        CONSOLE.print(f"没有填:{{{{{asked}}}}}(对照表里指标为空)。", soft_wrap=True)
    for one in filled.contradictions:
        CONSOLE.print(f"矛盾:{one.sentence}", soft_wrap=True, style="bold red")


def _read(community: str | None, on: str | None, groups: set[str] | None = None) -> Read:
    day = day_of(on)
    with opened_database(read_settings()) as database, CONSOLE.status("计算指标……"):
        scope = operator_scope(database)
        return read_figures(database, scope, community_named(database, scope, community), day, groups)


def _check_out(out: Path, form: Path, *, replace: bool) -> None:
    """Raise InputError when a file can't be written there, before the work for it is done."""
    check_folder(out)
    if out.exists() and form.exists() and out.samefile(form):
        raise InputError("不能写到空表自己上,下次还要用它;请把 --out 换一个名字。", "The empty form must stay.")
    if out.exists() and not replace:
        raise InputError(f"已有文件 {out};要换掉它请加 --replace,或换一个名字。", f"There is a file {out} already.")


def _say(rows: tuple[tuple[str, Figure], ...]) -> None:
    table = Table("位置", "指标", "数", "单位")
    for at, figure in rows:
        table.add_row(at, figure.name, written(figure.value or 0), figure.unit)
    CONSOLE.print(table)
    grounds = dict.fromkeys(key_of(figure.name) for _, figure in rows)
    CONSOLE.print(f"填了 {len(rows)} 处,{len(grounds)} 个指标。")
