"""A figure: one number or text that a form may ask for, by a name that stays the same, with the question behind it."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gis_service.errors import InputError, NotFoundError

_NUMBER = re.compile(r"(?<![A-Za-z0-9.,])\d[\d,.]*")
_UNIT_SAID = re.compile(r"[(\uff08][^()\uff08\uff09]{1,8}[)\uff09]\s*$")
_SHORT_GRID_DIGITS = 3
_MOST_SIMILAR = 3


@dataclass(frozen=True)
class Group:
    """What figures of one question have in common.

    Attributes
    ----------
    name, title
        Either stands before the slash of a figure's name: ``hazards/未办结`` and ``隐患/未办结`` are the same.
    address
        Path and query of the page that answers the question, from the service's root; "" where there is none.
    """

    name: str
    title: str
    address: str = ""


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes
    ----------
    name
        ``<group>/<title>``, numbers of the title that a rule or the data may change being written ``N``; with
        ``@<grid code>`` for the part of it in one grid.
    value
        A number in ``unit``, a text, or None where it can't be told.
    note
        In Chinese, what must be said of the value; why it can't be told where it is None.
    method
        In Chinese, how it was reckoned.
    by_grid
        Its parts by grid code of 15 digits (absent is 0), or None where there are none.
    """

    group: Group
    name: str
    title: str
    value: float | str | None
    unit: str
    note: str
    method: str
    address: str
    by_grid: Mapping[str, float] | None = None


def figure_of(
    group: Group, title: str, value: float | str | None, unit: str, *, method: str, note: str = "",
    address: str | None = None, by_grid: Mapping[str, float] | None = None,
) -> Figure:  # fmt: skip
    """Return a figure under its stable name; without an address of its own it has its group's."""
    name = f"{group.name}/{_NUMBER.sub('N', title)}"
    return Figure(group, name, title, value, unit, note, method, group.address if address is None else address, by_grid)


def key_of(name: str) -> str:
    """Return by what names are compared: width, case, spaces and numbers make no difference."""
    group, slash, title = unicodedata.normalize("NFKC", name).partition("/")
    title, at, grid = title.partition("@")
    return "".join(f"{group}{slash}{_NUMBER.sub('N', title)}{at}{grid}".casefold().split())


def spelling_of(asked: str) -> str:
    """Return by what placeholders are compared: as names, but for numbers, by which people tell their own apart."""
    return "".join(unicodedata.normalize("NFKC", asked).casefold().split())


def written(value: float | str) -> str:
    """Return a value as it stands in a sentence: whole numbers in full, others with two decimals at most."""
    if isinstance(value, str):
        return value
    text = format(round(value, 2) + 0.0, ".2f")
    return text.rstrip("0").rstrip(".")


class Catalogue:
    """Figures by name, as of one day and one state of the data.

    Parameters
    ----------
    figures
        The figures that were read.
    grids
        Codes of the grids whose parts may be asked for.
    """

    def __init__(self, figures: Iterable[Figure], grids: Sequence[str]) -> None:
        self.figures = tuple(figures)
        self.grids = tuple(grids)
        self._by_key: dict[str, Figure] = {}
        for figure in self.figures:
            rest = figure.name.partition("/")[2]
            for name in (figure.name, f"{figure.group.title}/{rest}"):
                self._by_key.setdefault(key_of(name), figure)

    def get(self, name: str) -> Figure | None:
        """Return a figure of the catalogue by its whole name without a grid, or None."""
        return self._by_key.get(key_of(name))

    def find(self, name: str) -> Figure:
        """Return the figure of a name, or the part of one in a grid.

        Raises
        ------
        NotFoundError
            There is no such figure or grid, or the figure has no parts by grid; the sentence names similar ones.
        """
        whole, at, grid = name.replace("\uff20", "@").strip().partition("@")
        figure = self.get(whole)
        if figure is None:
            similar = self.similar(whole)
            hint = f"相近的有:{'、'.join(similar)};" if similar else ""
            raise NotFoundError(
                f"没有指标“{whole[:80]}”;{hint}全部指标用 gis-service report figures 查看。",
                f"No figure {whole[:80]!r}.",
            )
        return self._part(figure, grid.strip()) if at else figure

    def similar(self, name: str) -> list[str]:
        """Return names of figures that look like a name, the most similar first."""
        near = difflib.get_close_matches(key_of(name), list(self._by_key), n=_MOST_SIMILAR * 2, cutoff=0.5)
        return list(dict.fromkeys(self._by_key[key].name for key in near))[:_MOST_SIMILAR]

    def titled(self, label: str) -> Figure | None:
        """Return the only figure whose title is a label of a form, a unit in brackets left aside; None otherwise."""
        plain = _UNIT_SAID.sub("", label).strip(" :\uff1a*")
        wanted = {key_of(f"/{text}") for text in (label, plain) if text}
        found = [figure for figure in self.figures if key_of(f"/{figure.title}") in wanted]
        return found[0] if len(found) == 1 else None

    def _part(self, figure: Figure, grid: str) -> Figure:
        if figure.by_grid is None:
            raise NotFoundError(
                f"指标“{figure.name}”没有按网格的数,不能加 @{grid[:20]};请去掉 @ 和后面的网格代码。",
                f"{figure.name!r} has no parts by grid.",
            )
        found = [code for code in self.grids if grid == code or (len(grid) == _SHORT_GRID_DIGITS and code[12:] == grid)]
        if len(found) != 1:
            known = "、".join(self.grids[:20]) or "还没有"
            raise NotFoundError(
                f"没有网格“{grid[:20]}”,或不在您的范围内;可用的网格代码:{known}。", f"No grid {grid[:20]!r}."
            )
        code = found[0]
        # Pages that take a grid take it as a parameter; the others show all grids, this one among them.
        return replace(
            figure, name=f"{figure.name}@{code}", title=f"{figure.title}(网格 {code[12:]})",
            value=figure.by_grid.get(code, 0), by_grid=None,
        )  # fmt: skip


def check_known(figure: Figure, place: str) -> float | str:
    """Return a figure's value for a place; InputError where it has none."""
    if figure.value is None:
        why = f"({figure.note})" if figure.note else ""
        raise InputError(
            f"{place}要填的指标“{figure.name}”现在没有数{why};请补上数据,或在对照表里把这一行的指标清空。",
            f"{figure.name!r} has no value now.",
        )
    return figure.value
