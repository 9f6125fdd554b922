"""From a form, its mapping and the figures to the filled form, with what it must say of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gis_service.errors import InputError
from gis_service.reports.agreements import Contradiction, contradictions_of
from gis_service.reports.figure import Figure, check_known, spelling_of, written
from gis_service.reports.files.errors import FormError
from gis_service.reports.files.found import LINKED, Filling, Found, Source, Value
from gis_service.reports.mapping import Row
from gis_service.reports.reading import Read, group_of

_HEAD = ("位置", "指标", "数", "单位", "计算日", "数据日期", "口径", LINKED)


@dataclass(frozen=True)
class Plan:
    """What goes where: for every place its figure's name; what stays as it is; and what can't be filled.

    Attributes
    ----------
    marks
        By :func:`spelling_of` of what a placeholder asks.
    places
        By the place's name.
    left
        Placeholders that the mapping leaves empty.
    """

    marks: dict[str, str]
    places: dict[str, str]
    left: tuple[str, ...]

    @property
    def groups(self) -> set[str]:
        """The groups of figures that are needed."""
        return {group_of(name) for name in (*self.marks.values(), *self.places.values())}


def plan_of(found: Found, rows: Sequence[Row]) -> Plan:
    """Put the mapping and the form's placeholders together; a placeholder without a row names its figure itself.

    Raises
    ------
    InputError
        Something in the form can't be filled as it is meant, or nothing is to be filled.
    """
    if found.problems:
        more = f"(另有 {len(found.problems) - 1} 处)" if len(found.problems) > 1 else ""
        raise InputError(f"{found.problems[0]}{more}。", "The form has a placeholder that can't be filled.")
    marks = {spelling_of(mark.asked): mark.asked.strip() for mark in found.marks}
    places: dict[str, str] = {}
    left = []
    for row in rows:
        if row.place.startswith(("{{", "\uff5b\uff5b")):
            key = spelling_of(row.place.strip("{}\uff5b\uff5d"))
            if key not in marks:
                if row.figure:
                    raise InputError(
                        f"对照表里的占位符“{row.place[:80]}”表里没有;请核对,或删去这一行。",
                        "The form has no such placeholder.",
                    )
            elif row.figure:
                marks[key] = row.figure
            else:
                left.append(marks.pop(key))
        elif row.figure:
            places[row.place] = row.figure
    if not marks and not places:
        raise InputError(
            "表里没有要填的地方:没有占位符 {{指标}},对照表里也没有写指标;先用 gis-service report map 生成对照表,"
            "填好“指标”一列。",
            "Nothing is to be filled.",
        )
    return Plan(marks, places, tuple(left))


@dataclass(frozen=True)
class Filled:
    """What was decided: the filling, the rows of its sources, and what contradicts itself."""

    filling: Filling
    rows: tuple[tuple[str, Figure], ...]
    contradictions: tuple[Contradiction, ...]


def fill_plan(plan: Plan, found: Found, read: Read, *, public_url: str | None) -> Filled:
    """Find every figure of a plan.

    Parameters
    ----------
    public_url
        Under which people reach the service; without it no addresses are told.

    Raises
    ------
    NotFoundError
        A figure, or a grid, is unknown.
    InputError
        A figure has no value.
    """
    spots = _spots(plan, found)
    used: dict[str, Figure] = {}
    marks: dict[str, Value] = {}
    places: dict[str, Value] = {}
    rows: list[tuple[str, Figure]] = []
    for where, key, name, into in [
        *((spots[key], key, name, marks) for key, name in plan.marks.items()),
        *((spots.get(place, [place]), place, name, places) for place, name in plan.places.items()),
    ]:
        figure = read.catalogue.find(name)
        value = check_known(figure, f"{where[0]} ")
        into[key] = Value(written(value), None if isinstance(value, str) else float(value), figure.unit == "%")
        used[figure.name] = figure
        rows += [(at, figure) for at in where]
    contradictions = contradictions_of(used, read.catalogue, read.parts)
    return Filled(
        Filling(marks, places, _source(rows, contradictions, read, public_url)), tuple(rows), tuple(contradictions)
    )


def _spots(plan: Plan, found: Found) -> dict[str, list[str]]:
    """Return where each placeholder and each place is, as people say it."""
    spots: dict[str, list[str]] = {}
    for mark in found.marks:
        spots.setdefault(spelling_of(mark.asked), []).append(mark.at)
    for one in found.places:
        if one.place in plan.places:
            spots[one.place] = [one.at]
    return {key: list(dict.fromkeys(where)) for key, where in spots.items()}


def _source(
    rows: Sequence[tuple[str, Figure]], contradictions: Sequence[Contradiction], read: Read, public_url: str | None
) -> Source:
    base = (public_url or "").rstrip("/")
    data_date = read.data_date.isoformat() if read.data_date else ""
    lines = [
        f"{read.area_name}({read.community}),计算日 {read.on},数据日期 {data_date or '没有数据'}。",
        "内部资料,注意保管:下表说明每个数从哪里来,报出前可删去。",
    ]
    if read.partial:
        lines.insert(1, f"只含网格 {'、'.join(code[12:] for code in read.partial)},不是全社区的数。")
    listed = []
    links = []
    for at, figure in rows:
        link = f"{base}{figure.address}" if base and figure.address else ""
        method = f"{figure.group.title}:{figure.method}" + (f"({figure.note})" if figure.note else "")
        listed.append(
            (at, figure.name, figure.value, figure.unit, read.on.isoformat(), data_date, method.strip(), link)
        )
        links.append(link)
    warnings = [f"矛盾:{one.sentence}" for one in contradictions]
    return Source(tuple(lines), tuple(warnings), _HEAD, tuple(listed), tuple(links))


def problem_of(error: FormError) -> InputError:
    """Return what a form's own error is for whoever asked."""
    return InputError(f"{str(error).rstrip('。')}。", "The form can't be taken.")
