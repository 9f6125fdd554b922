"""The words a layer is declared with, and the fields every layer has (reference: GB/T 30428.2, CJ/T 214)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from layers.code import Code


class Survey:
    """The headers under which survey sheets give a field, and whether the field identifies a row.

    Parameters
    ----------
    *headers
        Further spellings of the column header; the field's name and title always count.
    identifies
        True for the business key: rows of an upload are matched to stored rows by it.
    """

    def __init__(self, *headers: str, identifies: bool = False) -> None:
        self.headers = headers
        self.identifies = identifies


@dataclass(frozen=True)
class Unit:
    """The unit of a number, as it is shown to people: ``Unit("m²")``."""

    symbol: str


@dataclass(frozen=True)
class Personal:
    """Marks a field that names a person: kept in a table of its own, without history, erasable, never drawn."""


@dataclass(frozen=True)
class ByStep:
    """Marks a field of a case that changes by a step of its flow only (:mod:`layers.flows`).

    New rows of an upload bring their own value, since a ledger tells of cases at any stage; what is stored already is
    left alone, and writing it one field at a time is refused.
    """


class Source(Code):
    """Where a row comes from (数据来源)."""

    SURVEYED = "surveyed", "实测"
    CENSUS = "census", "普查"
    REPORTED = "reported", "人工上报"
    OPEN_DATA = "open_data", "开放数据"
    SYNTHETIC = "synthetic", "示意"


class Accuracy(Code):
    """Class of positional accuracy (CJ/T 214: A ±0.5 m, B ±1.0 m, C ±10.0 m)."""

    A = "A", "A 级(±0.5 米)"
    B = "B", "B 级(±1.0 米)"
    C = "C", "C 级(±10 米)"


class DataStatus(Code):
    """Whether a row may be relied on (数据状态)."""

    NORMAL = "normal", "正常"
    TO_CHECK = "to_check", "待核"
    VOID = "void", "作废"


class Record(BaseModel):
    """The fields every layer has; a layer's record adds its own.

    ``code`` is the business key: unique in its community, and in its grid where the layer is seen by grid.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, str_max_length=2000, allow_inf_nan=False)

    code: Annotated[
        str,
        Field(title="编码", min_length=1, max_length=64),
        Survey("编号", "代码", "标识码", "唯一编码", "id", "objectid", "fid", "osm_id", identifies=True),
    ]
    name: Annotated[str | None, Field(title="名称", max_length=200), Survey("名字", "标题")] = None
    source: Annotated[Source, Field(title="数据来源"), Survey("来源")] = Source.SURVEYED
    accuracy: Annotated[Accuracy | None, Field(title="定位精度"), Survey("精度等级", "位置精度")] = None
    surveyed_on: Annotated[date | None, Field(title="调查日期"), Survey("采集日期", "测量日期", "登记日期")] = None
    surveyor: Annotated[
        str | None,
        Field(title="调查岗位", max_length=60, description="the post or team, never a person's name"),
        Survey("采集单位", "调查单位"),
    ] = None
    valid_from: Annotated[date | None, Field(title="生效日期"), Survey("启用日期")] = None
    valid_to: Annotated[date | None, Field(title="失效日期"), Survey("停用日期")] = None
    data_status: Annotated[DataStatus, Field(title="数据状态")] = DataStatus.NORMAL
    remark: Annotated[str | None, Field(title="备注", max_length=2000), Survey("说明", "附注")] = None
