"""Ledgers (台账): rows without coordinates, placed by their code, by the code of a house, or by their address.

Only what names one thing is placed. A row that names none, or may mean several, waits to be placed by hand: a point at
the wrong house is worse than none.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.areas import Area
from gis_service.surveys.places.addresses import Address
from gis_service.surveys.places.houses import Found, House, Houses, address_of
from gis_service.surveys.places.same_address import SameAddress, identity_of
from layers.layer import Layer
from layers.registry import LAYERS

REFERENCES: Final = {
    "rental_code": "rental_unit", "enterprise_code": "enterprise", "building_code": "building",
    "plot_code": "enterprise_plot",
}  # fmt: skip
"""Fields that name a feature of another layer at the same spot, the narrowest first; visits have ``target_code``."""
_ADDRESS_FIELDS: Final = (
    "code", "name", "address", "street", "house_number", "estate", "building_code", "floor", "room",
)  # fmt: skip
_HOUSE_LAYERS: Final = ("building", "enterprise_plot")


@dataclass(frozen=True)
class LedgerRow:
    """A row without geometry: its number in the sheet, and the values of the layer's fields."""

    row: int
    values: Mapping[str, object]


@dataclass(frozen=True)
class Placement:
    """Where a row of a ledger belongs.

    Attributes
    ----------
    geometry
        EWKB (little-endian, SRID 4490) of the layer's type.
    how
        ``code``, ``address``, or the field that named the place: ``building_code``, ``target_code`` and so on.
    said
        The evidence, in Chinese.
    warning
        What contradicts it, in Chinese; empty when nothing does.
    code
        The code of the stored feature that the row is, where code or address tell; None for a new one.
    """

    geometry: bytes
    how: str
    said: str
    warning: str = ""
    code: str | None = None


def place_rows(conn: Connection, layer: Layer, area: Area, rows: Sequence[LedgerRow]) -> list[Placement | None]:
    """Place the rows of a ledger, each where it alone can belong.

    In this order: the stored feature with the row's code; for points, the building, plot or other feature that a field
    names by its code; the feature of the layer with the same full address; the one building or plot of the address.

    Returns
    -------
    list
        A placement for each row, or None for one that must be placed by hand.
    """
    # A million addresses take longer to read than a session may stand idle in a transaction.
    conn.execute(text("set local idle_in_transaction_session_timeout = 0"))
    ground = _Ground.read(conn, layer, area, rows)
    targets = [ground.target(row.values) for row in rows]
    places = _places(conn, area, [target for target in targets if target])
    return [target.placed(places) if target else None for target in targets]


def code_from_address(area: Area, values: Mapping[str, object]) -> str:
    """Return a code for a new row without one that is the same however its address is spelled the next time.

    Rows of one house share a point, so that a code made from the geometry would make them one.
    """
    address = address_of(values, {})
    full = address.full if address else ()
    told = [*(str(values.get(name) or "") for name in ("name", *REFERENCES, "target_code")), *map(str, full)]
    return "a" + hashlib.sha1("\n".join([area.code, *told]).encode(), usedforsecurity=False).hexdigest()[:15]


@dataclass(frozen=True)
class _Target:
    """Where a row goes, before the geometry is read: the feature itself, or a point on it."""

    layer: str
    at: str
    point: bool
    how: str
    said: str
    warning: str = ""
    code: str | None = None

    def placed(self, places: Mapping[tuple[str, str, bool], bytes]) -> Placement | None:
        geometry = places.get((self.layer, self.at, self.point))
        return Placement(geometry, self.how, self.said, self.warning, self.code) if geometry is not None else None


@dataclass
class _Ground:
    """What is stored that a row of the ledger may name."""

    layer: Layer
    pointlike: bool
    estates: dict[str, str]
    houses: Houses
    by_code: dict[tuple[str, str], House]
    own: dict[str, dict[str, Any] | None]
    referenced: dict[str, set[str]]
    same: SameAddress = field(init=False)

    def __post_init__(self) -> None:
        """Remember the layer's own features by their addresses."""
        self.same = SameAddress()
        for code, values in self.own.items():
            if values is not None and (address := address_of(values, self.estates)):
                self.same.add(code, *self._identity(values, address, self._house_of(values, address)))

    @classmethod
    def read(cls, conn: Connection, layer: Layer, area: Area, rows: Sequence[LedgerRow]) -> _Ground:
        estates = {str(row["code"]): str(row["name"]) for row in _features(conn, LAYERS["estate"], area) if row["name"]}
        houses = Houses(_surroundings(conn, area))
        by_code: dict[tuple[str, str], House] = {}
        pointlike = layer.geometry in {"POINT", "GEOMETRY"}
        for name in (*_HOUSE_LAYERS, layer.name):
            if name == layer.name and pointlike:
                continue
            if not pointlike and name != layer.name:
                continue
            found = list(_houses(_features(conn, LAYERS[name], area, current=True), name, estates))
            houses.add(found)
            by_code |= {(name, house.code): house for house in found}
        own: dict[str, dict[str, Any] | None] = {}
        for values in _features(conn, layer, area):
            # The same code in two grids names no one feature.
            own[values["code"]] = None if values["code"] in own else values
        return cls(layer, pointlike, estates, houses, by_code, own, _referenced(conn, area, rows))

    def target(self, values: Mapping[str, object]) -> _Target | None:
        """Return where a row goes."""
        address = address_of(values, self.estates)
        found = self.houses.named_by(address) if address and self.pointlike else None
        code = str(values.get("code") or "")
        if code in self.own:
            return self._by_code(code, values, address, found)
        return (self._by_reference(values, address, found) if self.pointlike else None) or self._by_address(
            values, address, found
        )

    def _by_code(
        self, code: str, values: Mapping[str, object], address: Address | None, found: Found | None
    ) -> _Target | None:
        stored = self.own[code]
        if stored is None:
            return None
        registered = address_of(stored, self.estates)
        house = self._house_of(stored, registered)
        warning = ""
        if address and self._differs(address, found.house if found else None, registered, house):
            is_at = stored.get("address") or (house.title if house else "别处")
            warning = f"编码 {code} 登记在 {is_at},这一行的地址却是 {_said(values)};已按编码落图,请核对"
        said = f"按编码 {code} 沿用已登记的位置"
        return _Target(self.layer.name, code, point=False, how="code", said=said, warning=warning, code=code)

    def _by_reference(
        self, values: Mapping[str, object], address: Address | None, found: Found | None
    ) -> _Target | None:
        for name, layer_name, code in _references(values):
            if code not in self.referenced.get(layer_name, ()):
                continue
            house = self.by_code.get((layer_name, code))
            title, of = LAYERS[layer_name].title, f"({house.title})" if house and house.title != code else ""
            warning = ""
            if address and house and self._differs(address, found.house if found else None, house.address, house):
                warning = f"{title} {code}{of} 与这一行的地址 {_said(values)} 不一致;已按编码落图,请核对"
            own = self.same.only(*self._identity(values, address, house)) if address else None
            said = f"按{title}编码落在{title} {code}{of}"
            if own:
                said = f"按{title}编码与地址认出已登记的{self.layer.title} {own}"
                return _Target(self.layer.name, own, point=False, how=name, said=said, warning=warning, code=own)
            return _Target(layer_name, code, point=True, how=name, said=said, warning=warning)
        return None

    def _by_address(self, values: Mapping[str, object], address: Address | None, found: Found | None) -> _Target | None:
        if address is None or address.apart or not self.houses.lies_here(address):
            return None
        house = found.house if found else None
        warning = found.warning if found else ""
        if address.beside:
            warning = "、".join(filter(None, (warning, f"地址写的是“{address.rest}”,点先落在房屋上,请移到实处")))
        identity = self._identity(values, address, house)
        if own := self.same.only(*identity):
            said = f"按地址认出已登记的{self.layer.title} {own}"
            return _Target(self.layer.name, own, point=False, how="address", said=said, warning=warning, code=own)
        if house:
            title = LAYERS[house.layer].title
            said = f"按地址落在{title} {house.code}({house.title})"
            return _Target(house.layer, house.code, point=True, how="address", said=said, warning=warning)
        if self.pointlike and (near := self.same.at(identity[0])):
            said = f"按地址落在同址的{self.layer.title} {near}"
            return _Target(self.layer.name, near, point=False, how="address", said=said, warning=warning)
        return None

    def _house_of(self, values: Mapping[str, object], address: Address | None) -> House | None:
        if not self.pointlike:
            return None
        if house := self.by_code.get(("building", str(values.get("building_code") or ""))):
            return house
        found = self.houses.named_by(address) if address else None
        return found.house if found else None

    def _identity(
        self, values: Mapping[str, object], address: Address, house: House | None
    ) -> tuple[tuple[object, ...], str | None]:
        at = ("at", house.layer, house.code) if house else None
        return identity_of(self.houses.canonical(address), at, str(values.get("name") or ""), areal=not self.pointlike)

    def _differs(self, said: Address, house: House | None, stored: Address | None, at: House | None) -> bool:
        """Return whether a row's address speaks of another house or room than the one it is placed at."""
        if said.room and stored and stored.room and said.room != stored.room:
            return True
        if house and at and house.layer == at.layer:
            return house.code != at.code
        if house and at:
            return False
        other = stored or (at.address if at else None)
        if other is None:
            return False
        one, two = self.houses.canonical(said), self.houses.canonical(other)
        parts = ("locality", "section", "number", "block")
        return any(getattr(one, part) and getattr(two, part) and getattr(one, part) != getattr(two, part)
                   for part in parts)  # fmt: skip


def _said(values: Mapping[str, object]) -> str:
    return " ".join(str(values[name]) for name in ("address", "room") if values.get(name)) or str(values.get("name"))


def _references(values: Mapping[str, object]) -> Iterable[tuple[str, str, str]]:
    """Yield (field, layer, code) of what a row names by its code."""
    kind = str(values.get("target_kind") or "")
    if kind in LAYERS and values.get("target_code"):
        yield "target_code", kind, str(values["target_code"])
    for name, layer_name in REFERENCES.items():
        if values.get(name):
            yield name, layer_name, str(values[name])


def _referenced(conn: Connection, area: Area, rows: Sequence[LedgerRow]) -> dict[str, set[str]]:
    """Return which of the codes that the rows name stand for one stored feature, by layer."""
    asked: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for _, layer_name, code in _references(row.values):
            asked[layer_name].add(code)
    return {
        name: set(
            conn.execute(
                text(
                    f"select code from gis.{name} where community = :community and code = any(:codes)"
                    " group by code having count(*) = 1"
                ),
                {"community": area.code, "codes": sorted(codes)},
            ).scalars()
        )
        for name, codes in asked.items()
    }


def _surroundings(conn: Connection, area: Area) -> list[str]:
    """Return the names of what the community lies in, was before, and its estates' addresses."""
    row = conn.execute(
        text("select name, county, street, predecessor from gis.community where community = :c and code = :c"),
        {"c": area.code},
    ).one_or_none()
    return [area.name, *(str(name) for name in row or () if name)]


def _features(conn: Connection, layer: Layer, area: Area, *, current: bool = False) -> Iterable[dict[str, Any]]:
    """Yield what the features of a layer say of their addresses; only those that still stand, where asked."""
    known = {one.name for one in layer.fields}
    names = [name for name in _ADDRESS_FIELDS if name in known]
    standing = " and data_status <> 'void' and (valid_to is null or valid_to >= current_date)" if current else ""
    rows = conn.execute(
        text(f"select {', '.join(names)} from gis.{layer.name} where community = :community{standing} order by id"),
        {"community": area.code},
    )
    return (dict(zip(names, row, strict=True)) for row in rows)


def _houses(features: Iterable[dict[str, Any]], layer_name: str, estates: Mapping[str, str]) -> Iterable[House]:
    for values in features:
        if address := address_of(values, estates):
            title = str(values["name"] or values.get("address") or values["code"])
            yield House(layer_name, values["code"], title, address)


def _places(conn: Connection, area: Area, targets: Iterable[_Target]) -> dict[tuple[str, str, bool], bytes]:
    """Read the geometries that are needed, each once."""
    wanted: dict[tuple[str, bool], set[str]] = defaultdict(set)
    for target in targets:
        wanted[target.layer, target.point].add(target.at)
    found: dict[tuple[str, str, bool], bytes] = {}
    for (name, point), codes in wanted.items():
        shape = "st_pointonsurface(geom)" if point else "geom"
        rows = conn.execute(
            text(
                f"select code, st_asewkb({shape}, 'NDR') from gis.{name}"
                " where community = :community and code = any(:codes)"
            ),
            {"community": area.code, "codes": sorted(codes)},
        )
        found |= {(name, code, point): bytes(geometry) for code, geometry in rows}
    return found
