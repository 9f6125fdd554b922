"""How much a form may cost: a form is a page or ten, so that these are far above any that is meant to be filled."""

from __future__ import annotations

from typing import Final

from gis_service.surveys.files.limits import ReadLimits

_MB: Final = 1024 * 1024

FORM_LIMITS: Final = ReadLimits(
    file_bytes=20 * _MB, unpacked_bytes=100 * _MB, memory_bytes=2048 * _MB, cpu_s=20, wall_s=30.0, output_bytes=64 * _MB
)
PART_BYTES: Final = 32 * _MB
"""Most bytes of one part that is read, such as a sheet or the text of a document."""
PLACES: Final = 5_000
"""Most places of one form."""
