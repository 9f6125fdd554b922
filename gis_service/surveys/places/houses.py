"""The houses of a community by address: which one building, or plot, an address names, if it is just one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gis_service.features.pinyin import sounds_of
from gis_service.surveys.places.addresses import Address, parse_address, stem

_PLACE_WORD: Final = re.compile(r"(?<=.)(?:社区居委会|社区|街道办事处|街道|自治区|开发区|镇|乡|村|省|市|县|区)$")
_ESTATE_SOUND: Final = ("xiao", "qu")
_WORDLESS: Final = re.compile(r"[0-9]+[a-z]?(?:-[0-9]+)?")


@dataclass(frozen=True)
class House:
    """Something an address may name.

    Parameters
    ----------
    layer, code, title
        Where it is stored, and how it is shown.
    address
        Its address with all that is known of it.
    """

    layer: str
    code: str
    title: str
    address: Address


@dataclass(frozen=True)
class Found:
    """The house that an address names, and what whoever looks at it should know, in Chinese."""

    house: House
    warning: str = ""


def address_of(values: Mapping[str, object], estates: Mapping[str, str]) -> Address | None:
    """Return the address of a row from all its fields that say a part of it, or None when it has none.

    Parameters
    ----------
    estates
        Names of the estates by code.
    """
    text = _text(values, "address")
    street, number = _text(values, "street"), _text(values, "house_number")
    if not (text or street or number):
        # A building is often called by its address: 新群小区12幢.
        called = parse_address(_text(values, "name"))
        return called if called.names_a_house and (called.locality or called.roads) else None
    found = parse_address(text or street)
    if street and not found.roads:
        found = replace(found, roads=parse_address(street).roads or (street,))
    if number:
        found = _with_number(found, number)
    estate = _text(values, "estate")
    if estate and not (found.locality or found.number):
        found = replace(found, locality=parse_address(estates.get(estate, estate)).locality or estate)
    if (room := _text(values, "room")) and not found.room:
        found = replace(found, room=parse_address(f"1幢{room}").room or room)
    if (floor := _text(values, "floor")) and not found.floor:
        found = replace(found, floor=floor)
    return found


def _with_number(found: Address, number: str) -> Address:
    """Add what the field 门牌号 says; many write 7幢 into it."""
    said = parse_address(number)
    if said.number or (said.block and not said.assumed):
        return replace(found, number=found.number or said.number, block=found.block or said.block)
    if not _WORDLESS.fullmatch(number):
        return found
    if found.roads and not found.locality:
        return replace(found, number=found.number or number)
    return replace(found, block=found.block or number) if not found.number else found


def _text(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    return "" if value is None else str(value).strip()


@dataclass
class Houses:
    """All that an address of one community may name, ready to be asked.

    Parameters
    ----------
    regions
        Names of what lies around, as the community, its predecessor and the stored addresses say them.
    """

    regions: Iterable[str]
    _known_regions: dict[str, set[str]] = field(init=False)
    _stems: set[str] = field(init=False)
    _places: set[str] = field(init=False, default_factory=set)
    _roads: dict[tuple[object, ...], list[House]] = field(init=False, default_factory=lambda: defaultdict(list))
    _blocks: dict[str, list[House]] = field(init=False, default_factory=lambda: defaultdict(list))
    _by_sound: dict[tuple[str, ...], set[str]] = field(init=False, default_factory=lambda: defaultdict(set))
    _in_place: dict[tuple[str, str, str], list[House]] = field(init=False, default_factory=lambda: defaultdict(list))
    _systems: dict[str, set[str]] = field(init=False, default_factory=lambda: defaultdict(set))
    _canonical: dict[str, tuple[str, str]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Read the names of what lies around."""
        self._known_regions = defaultdict(set)
        self._stems = set()
        for text in self.regions:
            found = parse_address(text)
            self._note_regions(found)
            if name := found.village or found.locality:
                self._stems.add(_PLACE_WORD.sub("", name))

    def _note_regions(self, address: Address) -> None:
        for kind, name in address.regions:
            self._known_regions[kind].add(_PLACE_WORD.sub("", name))
            self._stems.add(_PLACE_WORD.sub("", name))

    def add(self, houses: Iterable[House]) -> None:
        """Take houses in."""
        for house in houses:
            address = house.address
            self._note_regions(address)
            if not (address.locality or address.roads):
                continue
            if address.locality:
                place = stem(address.locality)
                for sound in () if place in self._places else sounds_of(place):
                    self._by_sound[sound].add(place)
                self._places.add(place)
                self._in_place[place, address.number, address.block].append(house)
                self._systems[place].add("block" if address.block else "number" if address.number else "")
            if address.roads:
                self._roads[_on_road(address, address.gate or address.number)].append(house)
            if address.block and not address.roads:
                self._blocks[address.block].append(house)

    def named_by(self, address: Address) -> Found | None:
        """Return the one house that an address names; None when there is none, or several may be meant."""
        if address.apart or not self.lies_here(address):
            return None
        place, warning = self._place_of(address.locality)
        found: House | None = None
        if place:
            found = self._in(place, address)
        elif address.roads and (stem(address.locality) == address.locality):
            found = self._on(address)
        elif not (address.locality or address.roads or address.village or address.section or address.lanes):
            # Villagers were settled in several estates: an old village doesn't tell which 12幢 is meant.
            found = _only([h for h in self._blocks.get(address.block or "-", ()) if _fits(address, h.address)])
            warning = "地址没有写小区或道路,全社区只有这一处相符,请核对"
        return Found(found, warning) if found else None

    def canonical(self, address: Address) -> Address:
        """Return an address with the locality as the stored houses spell it, where they know it."""
        place, _ = self._place_of(address.locality)
        return replace(address, locality=place) if place else address

    def lies_here(self, address: Address) -> bool:
        """Return whether the address may lie in this community, by what it says of the surroundings."""
        said = [(kind, _PLACE_WORD.sub("", name)) for kind, name in address.regions if kind in self._known_regions]
        told = [(kind, any(known in name for known in self._known_regions[kind])) for kind, name in said]
        if any(not here for kind, here in told if kind == "community"):
            return False
        return not told or any(here for _, here in told)

    def _place_of(self, locality: str) -> tuple[str, str]:
        """Return the stored name of a locality, or nothing, and a warning when it is only its sound."""
        if not locality:
            return "", ""
        if locality not in self._canonical:
            self._canonical[locality] = self._look_up(locality)
        return self._canonical[locality]

    def _look_up(self, locality: str) -> tuple[str, str]:
        place = self._without_regions(stem(locality))
        if place in self._places:
            return place, ""
        spelled = {place, place[:-2]} if len(place) > 3 and _ESTATE_SOUND in sounds_of(place[-2:]) else {place}
        sounds = {sound for name in spelled for sound in sounds_of(name)}
        alike = {name for sound in sounds for name in self._by_sound.get(sound, ())}
        if len(alike) != 1:
            return "", ""
        (name,) = alike
        return name, f"地址里的“{locality}”按同音的“{name}”落图,请核对"

    def _without_regions(self, place: str) -> str:
        """Return a locality without names of what lies around before it: 钟埭新群小区."""
        left = place
        names = sorted(self._stems, key=lambda name: (-len(name), name))
        while left not in self._places:
            before = next(
                (name for name in names if name and left.startswith(name) and len(left) > len(name) + 1), None
            )
            if before is None:
                return place
            left = left.removeprefix(before)
        return left

    def _in(self, place: str, address: Address) -> House | None:
        """Return the house of a locality."""
        houses = self._in_place.get((place, address.number, address.block), [])
        exact = [house for house in houses if _fits(address, house.address)]
        if not address.names_a_house or (address.number and address.block):
            return _only(exact)
        others = self._in_place.get((place, address.block, address.number), [])
        swapped = [house for house in others if _fits(address, house.address)]
        if address.assumed:
            return _only([*exact, *swapped])
        # 12号 and 12幢 are two houses, unless the place counts its houses in one of the two ways only.
        one_way = self._systems[place] - {""} == {"number" if address.block else "block"}
        return _only(exact or (swapped if one_way else []))

    def _on(self, address: Address) -> House | None:
        """Return the house on a road: the block, or the house with that number, or the plot."""
        known = self._roads.get(_on_road(address, address.gate or address.number), [])
        near = [house for house in known if house.address.section == address.section]
        buildings = [house for house in near if house.layer == "building"]
        plots = [house for house in near if house.layer != "building"]
        if not (address.gate or address.number) and (address.locality or not address.block):
            return None
        exact = [house for house in buildings if house.address.block == address.block]
        if plots and not address.block and len(buildings) > 1:
            # The number is that of the whole plot, though a building may bear nothing else.
            return _only(plots)
        if exact:
            return _only(exact)
        if address.block:
            # A block that isn't stored is none of those that are; a plot without stored blocks still is the place.
            return None if buildings else _only(plots)
        return _only(plots) if plots else _only(buildings)


def _fits(asked: Address, stored: Address) -> bool:
    """Return whether a stored address is the one that is asked for, both being of one place, number and block."""
    same = (asked.section or stored.section) == stored.section and asked.lanes == stored.lanes
    roads = not (asked.roads and stored.roads) or asked.roads == stored.roads
    gate = asked.gate == stored.gate or not (asked.gate and stored.gate)
    return same and roads and gate


def _only(houses: Sequence[House]) -> House | None:
    """Return the house that all of them are; None when they are several, or there is none."""
    codes = {(house.layer, house.code) for house in houses}
    return houses[0] if len(codes) == 1 else None


def _on_road(address: Address, number: str) -> tuple[object, ...]:
    return address.roads[-1], address.lanes, number
