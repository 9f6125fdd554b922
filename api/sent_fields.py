"""What a small form sends: names and texts, from a page or as JSON."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from api.received_files import json_of
from api.routes.transactions import MediaTypeError
from gis_service.errors import InputError

_MOST, _LONGEST = 40, 2000


async def fields_of(request: Request) -> dict[str, str]:
    """Return the texts that a form or a JSON object sends; lists of texts are joined by commas, true is ``1``.

    Raises
    ------
    MediaTypeError
        When it is neither.
    InputError
        When it can't be read, or a value is no text.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        given = {name: _text(name, value) for name, value in (await json_of(request, empty=True)).items()}
    elif kind == "application/x-www-form-urlencoded":
        try:
            form = await request.form(max_fields=_MOST)
        except (HTTPException, ValueError) as error:
            raise InputError("表单读不出来;请重新提交。", "The form can't be read.") from error
        given = {}
        for name, value in form.multi_items():
            # Boxes of one name are a list.
            given[name] = f"{given[name]},{value}" if name in given else str(value)
    else:
        raise MediaTypeError("请以表单或 JSON 提交。", "Send a form or JSON.")
    if len(given) > _MOST or any(len(name) + len(value) > _LONGEST for name, value in given.items()):
        raise InputError("表单的内容太长。", "The form is too long.")
    if any("\0" in value for value in given.values()):
        raise InputError("表单里有空字符(NUL);请重新填写。", "The form holds a NUL character.")
    return given


def _text(name: str, value: object) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    if isinstance(value, bool):
        return "1" if value else ""
    if value is None:
        return ""
    if not isinstance(value, str | int):
        raise InputError(f"字段 {name[:40]!r} 应是文字。", f"The field {name[:40]!r} must be a text.")
    return str(value)


def codes_in(text: str) -> list[str]:
    """Return the area codes in a text, between commas of either width, blanks or the mark of a list (、)."""
    return [code for code in re.split(r"[,，、;；\s]+", text) if code]


FieldsOf = Annotated[dict[str, str], Depends(fields_of)]
