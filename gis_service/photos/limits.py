"""How much a photo may cost, and how large the one that is kept may be."""

from __future__ import annotations

from typing import Final

from gis_service.surveys.files.limits import ReadLimits

_MB = 1024 * 1024

MOST_PIXELS: Final = 64 * 1024 * 1024
"""A camera of 64 megapixels has a few more than 64 million."""
LONGEST_SIDE: Final = 1920
LONGEST_SIDE_SMALL: Final = 320

# Measured with the most pixels: a progressive JPEG takes 0.4 GB, a transparent PNG 0.8, a WebP all. The time is for a
# machine on which many children run; nothing is unpacked to the disk.
PHOTO_LIMITS: Final = ReadLimits(
    file_bytes=20 * _MB, unpacked_bytes=0, memory_bytes=1024 * _MB, cpu_s=15, wall_s=60.0, output_bytes=8 * _MB
)
