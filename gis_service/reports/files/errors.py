"""What can be wrong with a form as a file."""

from __future__ import annotations


class FormError(ValueError):
    """A form can't be taken or filled; the message is one Chinese sentence for the person who gave it."""
