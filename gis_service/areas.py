"""Areas: which communities the service holds, and the metric system each is measured in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, insert, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from gis_service.coordinates import metric_srid
from gis_service.errors import ConflictError, InputError, NotFoundError
from gis_service.features.write import put_features
from gis_service.tables import AREA
from layers.catalog.community import Community
from layers.record import Source
from layers.registry import LAYERS


@dataclass(frozen=True)
class Area:
    """A community: its code of 12 digits, its name, the EPSG code it is measured in, and when it was registered."""

    code: str
    name: str
    metric_srid: int
    created_at: datetime


def create_area(
    conn: Connection, code: str, name: str, boundary: BaseGeometry, source: Source = Source.SURVEYED
) -> Area:
    """Register a community and store its boundary.

    Parameters
    ----------
    boundary
        Polygon or MultiPolygon in CGCS2000 degrees (EPSG:4490).

    Raises
    ------
    InputError
        When the code or the boundary can't be used.
    ConflictError
        When the community is registered already.
    """
    check_code(code)
    if not 0 < len(name.strip()) <= 200:
        raise InputError("社区名称不能为空,最多 200 个字。", "The community needs a name of at most 200 characters.")
    check_boundary(boundary)
    centre = boundary.centroid
    srid = metric_srid(centre.x, centre.y)
    try:
        conn.execute(insert(AREA).values(code=code, name=name, metric_srid=srid))
    except IntegrityError as error:
        raise ConflictError(
            f"社区 {code} 已经登记;要换边界,请上传到图层 community。",
            f"The community {code} is registered already; to change its boundary upload to the layer community.",
        ) from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") == "42501":
            raise NotFoundError(
                f"社区 {code} 不在您的范围内。", f"The community {code} lies outside your area."
            ) from error
        raise
    record = Community(code=code, name=name, source=source)
    put_features(conn, LAYERS["community"], code, [(record, boundary)])
    return read_area(conn, code)


def check_code(code: str) -> None:
    """Raise InputError unless the text is a community's code."""
    if not (code.isascii() and code.isdigit() and len(code) == 12):
        raise InputError(
            f"社区代码 {code!r} 不对:应为 12 位数字(国家统计局统计用区划代码)。",
            f"The community's code {code!r} is wrong: it has 12 digits.",
        )


def check_boundary(boundary: BaseGeometry) -> None:
    """Raise InputError unless the geometry is one valid area on the globe."""
    if boundary.geom_type not in {"Polygon", "MultiPolygon"} or boundary.is_empty:
        raise InputError(
            f"边界文件里不是面,而是 {boundary.geom_type};请提供一个多边形。",
            f"The boundary must be a polygon, not {boundary.geom_type}.",
        )
    if not boundary.is_valid:
        reason = shapely.is_valid_reason(boundary)
        raise InputError(f"边界有自相交等错误({reason});请先修正。", f"The boundary isn't valid: {reason}.")


def list_areas(conn: Connection) -> list[Area]:
    """Return the communities that the scope sees, by code."""
    rows = conn.execute(select(AREA.c.code, AREA.c.name, AREA.c.metric_srid, AREA.c.created_at).order_by(AREA.c.code))
    return [Area(*row) for row in rows]


def first_registered(areas: Sequence[Area]) -> Area:
    """Return the community that stands for the service where none is named: of at least one, the first registered."""
    return min(areas, key=lambda area: area.created_at)


def registered_codes(conn: Connection) -> tuple[str, ...]:
    """Return the codes of all registered communities, whatever the scope: what an operator's scope is made of."""
    return tuple(conn.execute(text("select gis.registered_areas()")).scalars())


def read_area(conn: Connection, code: str) -> Area:
    """Return one community; NotFoundError when it isn't registered or the scope doesn't see it."""
    row = conn.execute(
        select(AREA.c.code, AREA.c.name, AREA.c.metric_srid, AREA.c.created_at).where(AREA.c.code == code)
    ).one_or_none()
    if row is None:
        raise NotFoundError(
            f"没有社区 {code};已登记的可用 gis-service area list 查看。",
            f"There is no community {code}, or it lies outside your area.",
        )
    return Area(*row)


def area_named(conn: Connection, code: str | None) -> Area:
    """Return a community, of those that the scope sees the one registered first when none is named.

    Raises
    ------
    NotFoundError
        When it isn't registered, the scope doesn't see it, or there is none at all.
    """
    if code is not None:
        return read_area(conn, code)
    areas = list_areas(conn)
    if not areas:
        raise NotFoundError("还没有登记社区;请先登记并导入数据。", "No community is registered yet.")
    return first_registered(areas)


def only_area(conn: Connection) -> Area:
    """Return the community where there is just one, which commands take when none is named."""
    areas = list_areas(conn)
    if len(areas) != 1:
        known = "、".join(f"{area.code} {area.name}" for area in areas) or "还没有"
        raise InputError(f"请用 --community 指明社区;已登记的:{known}。", "Name the community with --community.")
    return areas[0]


def remove_area(conn: Connection, code: str) -> None:
    """Take a community's registration away; ConflictError while features are left."""
    try:
        conn.execute(delete(AREA).where(AREA.c.code == code))
    except IntegrityError as error:
        raise ConflictError(f"社区 {code} 还有数据,不能注销。", f"The community {code} still has features.") from error
