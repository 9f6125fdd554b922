"""The coordinate reference systems that features are served and taken in, by their OGC names, with their axis order.

A client that names a system by its OGC URI means the order of axes in the register: 4490 and 4326 are latitude first,
4549 and 4528 northing first. Stored coordinates and everything inside the service are longitude or easting first.
"""

from __future__ import annotations

from dataclasses import dataclass

from gis_service.errors import InputError


@dataclass(frozen=True)
class ReferenceSystem:
    """One system.

    Attributes
    ----------
    uri, title
        OGC name and name for people.
    srid
        EPSG code; CRS84 is 4326 with its axes swapped.
    flipped
        Whether the register puts latitude or northing first.
    digits
        Decimals that keep a millimetre.
    """

    uri: str
    title: str
    srid: int
    flipped: bool
    digits: int


_EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
CRS84 = ReferenceSystem("http://www.opengis.net/def/crs/OGC/1.3/CRS84", "WGS 84 经度在前", 4326, False, 8)
STORED = ReferenceSystem(f"{_EPSG}4490", "CGCS2000 经纬度", 4490, True, 8)
SERVED: tuple[ReferenceSystem, ...] = (
    CRS84,
    ReferenceSystem(f"{_EPSG}4326", "WGS 84", 4326, True, 8),
    STORED,
    ReferenceSystem(f"{_EPSG}4549", "CGCS2000 三度带 120°", 4549, True, 4),
    ReferenceSystem(f"{_EPSG}4528", "CGCS2000 三度带 40 带", 4528, True, 4),
    ReferenceSystem(f"{_EPSG}3857", "Web 墨卡托", 3857, False, 4),
)
_BY_NAME = {
    **{system.uri: system for system in SERVED},
    **{system.uri.replace("http:", "https:"): system for system in SERVED},
    **{f"[{'OGC' if system is CRS84 else 'EPSG'}:{system.uri.rpartition('/')[2]}]": system for system in SERVED},
    **{f"EPSG:{system.srid}": system for system in SERVED if system is not CRS84},
}


def reference_system(name: str | None) -> ReferenceSystem:
    """Return the system of an OGC URI, a safe CURIE or an EPSG code; CRS84 without a name.

    Raises
    ------
    InputError
        When the service doesn't serve it.
    """
    if name is None:
        return CRS84
    found = _BY_NAME.get(name.strip().strip("<>"))
    if found is None:
        raise InputError(
            f"不提供坐标系 {name!r};可用的有:{'、'.join(system.uri for system in SERVED)}。",
            f"The coordinate reference system {name!r} isn't served; see the collection's list.",
        )
    return found
