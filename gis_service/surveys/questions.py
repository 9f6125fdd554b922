"""What a file doesn't tell and its sender must: questions with ranked answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gis_service.errors import InputError


@dataclass(frozen=True)
class Option:
    """One possible answer.

    Attributes
    ----------
    value, title
        What is answered with, and what a person reads.
    score
        How likely it is, comparable within one question.
    reason
        Why, in Chinese.
    points
        Where some of the rows would lie, [longitude, latitude] in degrees, for a coordinate system.
    """

    value: str
    title: str
    score: float
    reason: str
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Question:
    """What is asked: its name (``crs``, ``layer``, ``sheet``, ``column:`` and a header), in words, with options."""

    name: str
    title: str
    options: tuple[Option, ...]

    def document(self) -> dict[str, Any]:
        """Return the question as JSON has it."""
        return asdict(self)


class OpenQuestionError(InputError):
    """Something about a file can't be told from it; the sender must answer.

    Attributes
    ----------
    questions
        What is asked; the likeliest answers come first.
    """

    def __init__(self, questions: Sequence[Question], message: str, english: str) -> None:
        super().__init__(message, english)
        self.questions = tuple(questions)
