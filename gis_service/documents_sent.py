"""JSON documents that clients send, checked against a model: what is wrong is said in one sentence, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

from gis_service.errors import InputError
from gis_service.surveys.columns.personal import holds_identity

Model = TypeVar("Model", bound=BaseModel)

FIRST_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
"""Nothing is said to have happened before: it is what a phone's clock says that was never set."""
_SAID_MOMENT: Final = "应是时刻,例如 2026-11-30T09:30:00+08:00"


def _written(value: object) -> object:
    """Refuse a number, which would be read as seconds since 1970."""
    if isinstance(value, str | datetime):
        return value
    raise PydanticCustomError("datetime_parsing", "a moment is a text")


Moment = Annotated[
    AwareDatetime,
    Field(ge=FIRST_MOMENT, le=datetime(2200, 1, 1, tzinfo=UTC)),
    BeforeValidator(_written),
]
"""When something was done, with its time zone."""

_SAID = {
    "missing": "没有写",
    "extra_forbidden": "不认识这一项",
    "string_too_long": "太长,最多 {max_length} 个字",
    "string_type": "应是文字",
    "uuid_parsing": "应是 36 位的标识(UUID)",
    "datetime_from_date_parsing": _SAID_MOMENT,
    "datetime_parsing": _SAID_MOMENT,
    "datetime_type": _SAID_MOMENT,
    "timezone_aware": "缺少时区,例如 +08:00",
    "date_from_datetime_parsing": "应是日期,例如 2026-11-30",
    "date_parsing": "应是日期,例如 2026-11-30",
    "int_parsing": "应是整数",
    "int_type": "应是整数",
    "float_parsing": "应是数字",
    "float_type": "应是数字",
    "greater_than_equal": "应不小于 {ge}",
    "less_than_equal": "应不大于 {le}",
    "enum": "应是其中之一:{expected}",
    "literal_error": "应是其中之一:{expected}",
    "too_long": "太多,最多 {max_length} 项",
    "too_short": "至少要有 {min_length} 项",
}
_MOST = 5


def read_document(model: type[Model], given: Mapping[str, Any]) -> Model:
    """Return a document as its model.

    Raises
    ------
    InputError
        When it doesn't fit, or a free text seems to hold an identity or phone number.
    """
    try:
        found = model.model_validate(given)
    except ValidationError as error:
        said = ";".join(_clause(one) for one in error.errors(include_url=False)[:_MOST])
        names = ", ".join(".".join(map(str, one["loc"])) for one in error.errors(include_url=False)[:_MOST])
        raise InputError(f"提交的内容不合要求:{said}。", f"The document doesn't fit: {names}.") from error
    _refuse_identity(found)
    return found


def _refuse_identity(found: BaseModel, within: str = "") -> None:
    for name, value in found:
        if isinstance(value, BaseModel):
            _refuse_identity(value, f"{within}{name}.")
        elif isinstance(value, str) and holds_identity(value):
            raise InputError(
                f"“{within}{name}”里疑似有身份证号或手机号;请删去后再提交。",
                f"{within}{name} seems to hold an identity or phone number; leave it out.",
            )


def _clause(detail: Any) -> str:
    name = ".".join(str(part) for part in detail["loc"])[:60] or "内容"
    context = {key: str(value)[:120] for key, value in detail.get("ctx", {}).items()}
    said = _SAID.get(detail["type"], "写法不对")
    try:
        return f"{name} {said.format(**context)}"
    except KeyError:
        return f"{name} 写法不对"
