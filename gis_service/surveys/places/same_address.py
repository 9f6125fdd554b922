"""When two rows of one layer with the same address are the same thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field

from gis_service.surveys.places.addresses import Address
from layers.field import fold


def identity_of(
    address: Address, at: tuple[object, ...] | None, name: str, *, areal: bool
) -> tuple[tuple[object, ...], str | None]:
    """Return (where, what) of a row: two with the same are the same thing; a ``what`` of None tells nothing.

    A room, a building or a plot is what its address says. At the door of a house there may be many things, so that
    others must also have the same name.

    Parameters
    ----------
    at
        What the house is known by, where it is known; otherwise the parts of the address count.
    areal
        Whether the layer holds buildings, plots and the like.
    """
    if address.room and (at or address.names_a_house):
        return (*(at or address.house), address.unit, address.room), ""
    if areal:
        return address.full, "" if address.names_a_house else None
    return address.full, fold(name) or None


@dataclass
class SameAddress:
    """Stored features by where and what they are."""

    _things: dict[tuple[Hashable, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    _places: dict[Hashable, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, code: str, where: tuple[object, ...], what: str | None) -> None:
        """Take a stored feature in."""
        self._places[where].add(code)
        if what is not None:
            self._things[where, what].add(code)

    def only(self, where: tuple[object, ...], what: str | None) -> str | None:
        """Return the one stored feature that a row is, or None."""
        codes = self._things.get((where, what), ()) if what is not None else ()
        return next(iter(codes)) if len(codes) == 1 else None

    def at(self, where: tuple[object, ...]) -> str | None:
        """Return the one stored feature at a place, or None."""
        codes = self._places.get(where, ())
        return next(iter(codes)) if len(codes) == 1 else None
