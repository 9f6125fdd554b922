"""Codes that aren't codes: a sheet numbered from 1 meets what the last such sheet was stored under."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.features.staging import Staging

_FEWEST = 2
_LEAST_SHARE = 0.5


def addresses_that_differ(conn: Connection, staging: Staging) -> str | None:
    """Return a warning when most of the rows that were found by their code say another address than what is stored.

    Read after the comparison; None where addresses aren't given, agree, or too few rows are known.
    """
    if all(field.name != "address" for field in staging.fields):
        return None
    known, differ = conn.execute(
        text(
            "select count(*), count(*) filter (where s.address <> t.address) from staged s join proposed p using (row)"
            f" join gis.{staging.layer.name} t on t.community = :community and t.id = p.id"
            " where s.address is not null and t.address is not null"
        ),
        {"community": staging.community},
    ).one()
    if differ < _FEWEST or differ < _LEAST_SHARE * known:
        return None
    return (
        f"按编码对上的 {known:,} 行里有 {differ:,} 行的地址与现有的不同,入库会改掉它们;"
        "如果编码是每份表从 1 编起的顺序号,请删去这一列或换成正式编码再上传。"
    )
