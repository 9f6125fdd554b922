"""What is kept of an edit: all that it says, but no person's number and nothing that is a personal field.

An edit that is refused because it names somebody waits for a person like every other one; what is refused isn't kept by
the back door. Whoever decides sees where something was left out, and writes the rest.
"""

from __future__ import annotations

from typing import Any, Final

from gis_service.surveys.columns.personal import LEFT_OUT, without_identity
from layers.registry import LAYERS

_PERSONAL: Final = frozenset(field.name for layer in LAYERS.values() for field in layer.personal_fields)


def kept(document: Any) -> Any:
    """Return a JSON document as it may be kept; the same document gives the same."""
    if isinstance(document, dict):
        return {key: LEFT_OUT if key in _PERSONAL and value else kept(value) for key, value in document.items()}
    if isinstance(document, list):
        return [kept(one) for one in document]
    return without_identity(document) if isinstance(document, str) else document
