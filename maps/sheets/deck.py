"""What the slides about a map say: one of the whole, one for each finding, one for each grid, and one of the rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from gis_service.analysis.answer import CLASS, Answer, Theme, percent
from gis_service.overview import Overview
from maps.numbers import written
from maps.sheets.contents import (
    COUNTED,
    Wanted,
    dated,
    drawings_of,
    facts_table,
    features_of,
    finding_of,
    grid_table,
    ground_of,
    sees_grid,
)
from maps.sheets.furniture import RULE, Table
from maps.sheets.lettering import one_line
from maps.sheets.shapes import Drawing, Features, read_features

_PLAIN = "#4f81a8"
"""Bars that stand for no class of the map."""


@dataclass(frozen=True)
class Series:
    """Bars of one colour: a value for each category of the chart."""

    title: str
    values: Sequence[float]
    color: str


@dataclass(frozen=True)
class Chart:
    """Bars by category; those of several series are stacked."""

    title: str
    categories: Sequence[str]
    series: Sequence[Series]


@dataclass(frozen=True)
class Shown:
    """The map of a slide: what is drawn, and the ground that fills it; around a grid everything steps back."""

    drawings: Sequence[Drawing]
    ground: shapely.Geometry
    veiled: bool = False


@dataclass(frozen=True)
class Slide:
    """One slide.

    Attributes
    ----------
    finding
        The sentence below the title.
    notes
        Where each number comes from; a paragraph each.
    colors
        Of the classes that the rows of the table are of, in their order.
    legend
        Classes of the map and their colours, where neither table nor chart has them.
    """

    title: str
    finding: str
    notes: Sequence[str]
    shown: Shown | None = None
    table: Table | None = None
    chart: Chart | None = None
    colors: Sequence[str] = ()
    legend: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Subject:
    """What all slides of a deck are about.

    Attributes
    ----------
    title
        Of the map.
    question
        What the map is asked.
    address
        Where the live map is; without a host where the service's own address isn't known.
    """

    title: str
    question: str
    address: str
    overview: Overview
    answer: Answer | None
    srid: int
    wanted: Wanted


@dataclass(frozen=True)
class _Grid:
    code: str
    name: str
    shape: shapely.Geometry


@dataclass(frozen=True)
class _Counted:
    """A theme's features by class: in all, and within each grid."""

    theme: Theme
    drawing: Drawing
    whole: Counter[str]
    within: Sequence[Counter[str]]

    @property
    def colors(self) -> list[str]:
        """The colour of each class."""
        return [look.fill or look.line or _PLAIN for look, _ in self.drawing.kinds]


def slides_of(subject: Subject) -> Iterator[Slide]:
    """Yield the slides of a deck; a public map has none for grids, since it doesn't show them."""
    overview, answer = subject.overview, subject.answer
    features = features_of(overview, subject.srid)
    drawings = drawings_of(overview, features, answer, subject.srid)
    ground, _ = ground_of(features, None)
    finding = finding_of(overview, features, answer, subject.wanted)
    grids = _grids(features, subject.wanted)
    whole = Shown(drawings, ground)
    if answer is None:
        counts = {name: _by_grid(one, grids) for name, one in features.items() if name not in {"community", "grid"}}
        table, chart = grid_table(overview, features, subject.wanted), _layers_by_grid(overview, counts, grids)
        yield Slide(f"{_whose(subject)}概况", finding, _source(subject), whole, table, chart)
        for number, grid in enumerate(grids):
            yield _layers_in_grid(subject, counts, Shown(drawings, grid.shape, veiled=True), number, grid)
        return
    counted = [_count(theme, drawing, subject.srid, grids)
               for theme in answer.themes for drawing in drawings if drawing.title == theme.title]  # fmt: skip
    several = len(counted) > 1
    legend = [(f"{one.theme.title}:{look.title}" if several else look.title, color) for one in counted
              for (look, _), color in zip(one.drawing.kinds, one.colors, strict=True)]  # fmt: skip
    yield Slide(f"{_whose(subject)}:{answer.title}", finding, [*_of_facts(answer), *_source(subject)], whole,
                facts_table(answer, subject.wanted), legend=legend)  # fmt: skip
    below = [drawing for drawing in drawings if all(drawing is not one.drawing for one in counted)]
    for one in counted:
        yield _of_theme(subject, one, Shown([one.drawing, *below], ground), grids)
    for number, grid in enumerate(grids):
        yield _themes_in_grid(subject, counted, Shown(drawings, grid.shape, veiled=True), number, grid)
    rules = [(rule.title, f"{rule.value:g} {rule.unit}".strip(), rule.basis) for rule in answer.rules]
    basis = Table("阈值与依据", ("阈值", "值", "依据"), rows=rules) if rules else None
    yield Slide("口径与依据", answer.method, _source(subject), table=basis)


def _whose(subject: Subject) -> str:
    return "所辖网格" if subject.wanted.partial else "全社区"


def _grids(features: Mapping[str, Features], wanted: Wanted) -> list[_Grid]:
    """Return the governance grids that are seen, by their codes."""
    if "grid" not in features:
        return []
    pairs = zip(features["grid"].properties, features["grid"].shapes, strict=True)
    seen = [
        _Grid(row["code"], one_line(row.get("name") or row["code"]), shape) for row, shape in pairs
        if row.get("level", "governance") == "governance" and sees_grid(row["code"], wanted)
    ]  # fmt: skip
    return sorted(seen, key=lambda grid: grid.code)


def _placed(shapes: Sequence[shapely.Geometry], grids: Sequence[_Grid]) -> list[int | None]:
    """Return in which grid each shape lies, by a point upon it; the first one where grids overlap, as the tables do."""
    points = shapely.point_on_surface(np.asarray(shapes, dtype=object))
    found: list[int | None] = [None] * len(points)
    for number in reversed(range(len(grids))):
        for at in np.flatnonzero(shapely.covers(grids[number].shape, points)):
            found[at] = number
    return found


def _by_grid(features: Features, grids: Sequence[_Grid]) -> list[int]:
    held = Counter(row.get("grid") for row in features.properties)
    return [held[grid.code] for grid in grids]


def _count(theme: Theme, drawing: Drawing, srid: int, grids: Sequence[_Grid]) -> _Counted:
    features = read_features(theme.features, srid)
    classes = [str(row.get(CLASS)) for row in features.properties]
    if any(column.name == "grid" for column in theme.columns):
        numbers = {grid.code: number for number, grid in enumerate(grids)}
        places = [numbers.get(row.get("grid", "")) for row in features.properties]
    else:
        places = _placed(list(features.shapes), grids)
    within = [
        Counter(key for key, place in zip(classes, places, strict=True) if place == at) for at in range(len(grids))
    ]
    return _Counted(theme, drawing, Counter(classes), within)


def _of_theme(subject: Subject, one: _Counted, shown: Shown, grids: Sequence[_Grid]) -> Slide:
    """Return the slide of a theme: how many features each class has, and in which grids."""
    theme, total = one.theme, sum(one.whole.values())
    rows = [(found.title, f"{one.whole[found.key]:,}", f"{percent(one.whole[found.key], total) or 0:g}%")
            for found in theme.classes]  # fmt: skip
    most = max(theme.classes, key=lambda found: one.whole[found.key], default=None)
    finding = f"共 {total:,} 处。"
    if most is not None and total:
        share = percent(one.whole[most.key], total)
        finding = f"共 {total:,} 处,最多的是“{most.title}”:{one.whole[most.key]:,} 处,占 {share:g}%。"
    table = Table("各级要素数", ("分级", "处", "占比"), [*rows, ("合计", f"{total:,}", "")], total=True)
    series = [
        Series(found.title, [within[found.key] for within in one.within], color)
        for found, color in zip(theme.classes, one.colors, strict=True)
    ]
    chart = Chart("各网格", [grid.name for grid in grids], series) if grids else _bars("各级", theme, one.whole)
    notes = [f"{found.title}:{one.whole[found.key]:,} 处,按图上“{theme.title}”的分级数出。" for found in theme.classes]
    return Slide(theme.title, finding, [*notes, *_source(subject)], shown, table, chart, one.colors)


def _themes_in_grid(
    subject: Subject, counted: Sequence[_Counted], shown: Shown, number: int, grid: _Grid
) -> Slide:  # fmt: skip
    """Return the slide of a grid: what each class has there, beside what it has in all."""
    rows = [
        (f"{one.theme.title}:{found.title}" if len(counted) > 1 else found.title,
         f"{one.within[number][found.key]:,}", f"{one.whole[found.key]:,}")
        for one in counted for found in one.theme.classes
    ]  # fmt: skip
    first = counted[0] if counted else None
    finding = ""
    if first is not None:
        here, whole = (sum(counts.values()) for counts in (first.within[number], first.whole))
        finding = f"{first.theme.title}:本网格 {here:,} 处,{_whose(subject)} {whole:,} 处。"
    notes = [f"{title}:本网格 {inside} 处,{_whose(subject)} {total} 处;按要素登记的网格,没有登记的按它上面的一点。"
             for title, inside, total in rows]  # fmt: skip
    return Slide(
        f"{grid.name}:{subject.title}", finding, [*notes, *_source(subject)], shown,
        Table("本网格与全部", ("分级", "本网格", _whose(subject)), rows),
        _bars("本网格", first.theme, first.within[number]) if first else None,
        [color for one in counted for color in one.colors],
    )  # fmt: skip


def _layers_by_grid(overview: Overview, counts: Mapping[str, Sequence[int]], grids: Sequence[_Grid]) -> Chart | None:
    series = [
        Series(one.layer.title, counts[one.layer.name], one.layer.style.fill or one.layer.style.color)
        for one in overview.layers if one.layer.name in COUNTED and one.layer.name in counts
    ]  # fmt: skip
    return Chart("各网格", [grid.name for grid in grids], series) if grids else None


def _layers_in_grid(
    subject: Subject, counts: Mapping[str, Sequence[int]], shown: Shown, number: int, grid: _Grid
) -> Slide:  # fmt: skip
    told = [(one.layer.title, counts[one.layer.name][number], one.count) for one in subject.overview.layers
            if one.layer.name in {*COUNTED, "building", "enterprise_plot", "illegal_structure"}]  # fmt: skip
    rows = [(title, f"{here:,}", f"{whole:,}") for title, here, whole in told]
    finding = "、".join(f"{title} {here:,}" for title, here, _ in told)
    notes = [f"{title}:本网格 {here} 个,{_whose(subject)} {whole} 个,按登记的网格数出。" for title, here, whole in rows]
    return Slide(
        f"{grid.name}:{subject.title}", f"本网格有{finding}。" if finding else "", [*notes, *_source(subject)], shown,
        Table("本网格与全部(个)", ("图层", "本网格", _whose(subject)), rows),
        Chart("本网格", [title for title, _, _ in told], [Series("本网格", [here for _, here, _ in told], _PLAIN)]),
    )  # fmt: skip


def _bars(title: str, theme: Theme, counts: Counter[str]) -> Chart:
    return Chart(title, [found.title for found in theme.classes],
                 [Series(title, [counts[found.key] for found in theme.classes], RULE)])  # fmt: skip


def _of_facts(answer: Answer) -> list[str]:
    return [
        f"{fact.title}:{'无数据' if fact.value is None else f'{written(fact.value)} {fact.unit}'.strip()}"
        + (f"。{fact.note}" if fact.note else "。")
        for fact in answer.facts
    ]


def _source(subject: Subject) -> list[str]:
    """Return which question the numbers of a slide answer, from which data, and where to ask it again."""
    overview, answer = subject.overview, subject.answer
    return [
        f"问题:{subject.question}",
        *([f"口径:{answer.method}"] if answer else []),
        f"{dated(overview, answer, subject.wanted.as_of)};范围 {'、'.join(subject.wanted.scope) or overview.community}",
        *(f"数据来源:{one}" for one in overview.attributions),
        f"在线:{subject.address}",
    ]
