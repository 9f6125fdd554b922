"""JSON documents of routes: how one is read from a request, described, and answered with."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel

from api.received_files import json_of
from api.routes.transactions import MediaTypeError

JSON: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {}}}}
"""What the description says of an answer."""
PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Accept, Cookie"}


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return what the description says of a body; it is read by hand, so that its faults are said in Chinese."""
    schema = {"type": "object", "required": [name for name, one in model.model_fields.items() if one.is_required()],
              "properties": {one.alias or name: {} for name, one in model.model_fields.items()}}  # fmt: skip
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def document_of(request: Request) -> dict[str, Any]:
    """Return the JSON object that a request sends."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise MediaTypeError("请以 JSON 提交(Content-Type: application/json)。", "Send application/json.")
    return await json_of(request)


def told(content: Any, status: int = 200) -> Response:
    """Return an answer in JSON that nobody keeps; times in UTC."""
    options = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
    return Response(orjson.dumps(content, option=options), status, PRIVATE, "application/json")


DocumentOf = Annotated[dict[str, Any], Depends(document_of)]
