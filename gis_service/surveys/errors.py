"""What can be wrong with a survey file as a whole."""

from __future__ import annotations


class SurveyError(ValueError):
    """A survey file can't be taken; the message is one Chinese sentence for the person who sent it."""
