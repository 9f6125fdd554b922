"""``gis-service form``: a layer's blank form as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.commands.uploads import layer_named
from api.commands.written_file import check_folder, write_file
from api.survey_forms import SURVEY_FORMS
from gis_service.errors import InputError


def form(
    layer: Annotated[str, typer.Argument(help="图层名称,例如 waste_point 或 垃圾投放点")],
    out: Annotated[Path, typer.Option(help="写到哪个文件,例如 投放点.xlsx")],
    xlsform: Annotated[bool, typer.Option("--xlsform", help="手机表单(XLSForm),供 ODK、KoboToolbox 使用")] = False,
) -> None:
    """把一个图层的空白表格写成 .xlsx:带下拉列表和填写说明,填好后可直接上传。"""
    chosen = layer_named(layer)
    if out.suffix.lower() != ".xlsx":
        raise InputError(f"不认识文件类型 {out.suffix!r};请用 .xlsx。", "The file must be .xlsx.")
    check_folder(out)
    write_file(out, SURVEY_FORMS["xlsform" if xlsform else "xlsx"].make(chosen))
