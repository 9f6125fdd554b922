"""What can be wrong with a survey file as a whole, and with one of its cells."""

from __future__ import annotations


class SurveyError(ValueError):
    """A survey file can't be taken; the message is one Chinese sentence for the person who sent it."""


class UnreadableCellError(ValueError):
    """A cell can't be read as its field wants; the message is the Chinese clause after the field's title."""
