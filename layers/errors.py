"""What can be wrong with a declaration."""

from __future__ import annotations


class DeclarationError(Exception):
    """A layer, rule or code list contradicts itself; the message names the file and how to mend it."""
