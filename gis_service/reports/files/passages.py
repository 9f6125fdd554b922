"""Placeholders in text that a program may have cut into several runs: ``{{hazards/未办结}}``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gis_service.reports.figure import spelling_of
from gis_service.reports.files.markup import Edits, Element, Markup, escaped

# Input methods write full-width braces, which people take for the same.
_PLACEHOLDER: Final = re.compile(r"[{\uff5b]{2}\s*([^{}\uff5b\uff5d]{1,200}?)\s*[}\uff5d]{2}")
_LEFT_OVER: Final = re.compile(r"[{\uff5b]{2}|[}\uff5d]{2}")
_SPACE_KEPT: Final = "http://www.w3.org/XML/1998/namespace space"


@dataclass(frozen=True)
class Mark:
    """A placeholder: what stands between its braces, and where it stands in its passage's text."""

    asked: str
    start: int
    end: int


@dataclass
class Passage:
    """Text that belongs together, such as a paragraph or a cell, in the elements that hold its pieces."""

    markup: Markup
    leaves: list[Element]

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(leaf.text for leaf in self.leaves)

    def marks(self) -> list[Mark]:
        """Return its placeholders."""
        return [Mark(found[1], found.start(), found.end()) for found in _PLACEHOLDER.finditer(self.text)]

    def unfinished(self) -> bool:
        """Say whether braces are left over, which someone meant for a placeholder."""
        return _LEFT_OVER.search(_PLACEHOLDER.sub("", self.text)) is not None

    def whole(self) -> Mark | None:
        """Return the placeholder that is all of the text, or None."""
        marks = self.marks()
        return marks[0] if len(marks) == 1 and _PLACEHOLDER.fullmatch(self.text.strip()) else None

    def fill(self, values: Mapping[str, str], edits: Edits, *, offset: int = 0) -> None:
        """Put values in place of placeholders; a value takes the form of the run in which its placeholder begins.

        Parameters
        ----------
        values
            By :func:`spelling_of` of what the placeholder asks; one that isn't among them stays.
        offset
            Subtracted from the elements' places in their part.
        """
        wanted = [(mark, values[spelling_of(mark.asked)]) for mark in self.marks() if spelling_of(mark.asked) in values]
        for leaf, begins in self._beginnings():
            text = _rewritten(leaf.text, begins, wanted)
            if text == leaf.text:
                continue
            if text != text.strip() and _SPACE_KEPT not in leaf.attributes:
                # Spaces at an end are dropped without being told to be kept.
                edits.put(leaf.inside - 1 - offset, leaf.inside - 1 - offset, ' xml:space="preserve"')
            edits.put(leaf.inside - offset, leaf.outside - offset, escaped(text))

    def _beginnings(self) -> Iterator[tuple[Element, int]]:
        at = 0
        for leaf in self.leaves:
            yield leaf, at
            at += len(leaf.text)


def _rewritten(text: str, begins: int, wanted: list[tuple[Mark, str]]) -> str:
    """Return a leaf's text, which begins at a place of the passage, with the values of the placeholders in it."""
    pieces, at = [], 0
    for mark, value in wanted:
        start, end = mark.start - begins, mark.end - begins
        if end <= 0 or start >= len(text):
            continue
        pieces.append(text[at : max(start, at)])
        if start >= 0:
            pieces.append(value)
        at = max(at, min(end, len(text)))
    return "".join([*pieces, text[at:]])
