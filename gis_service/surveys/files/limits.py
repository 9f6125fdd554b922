"""How much a survey file may cost (reference: hostile-input-and-privacy §1.2, D to F)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MB = 1024 * 1024

SAMPLE_ROWS: Final = 200
"""Rows of a file that are looked at to judge its columns."""
MOST_LAYERS: Final = 200
"""Layers that a sender is given to choose from."""


@dataclass(frozen=True)
class ReadLimits:
    """Limits of one reading; the defaults are those of a person who waits in front of the screen.

    Parameters
    ----------
    file_bytes, unpacked_bytes
        Size of the file, and of what is inside of it when it is an archive (zip, xlsx), in bytes.
    rows, columns
        Most rows and columns.
    vertices, geometry_vertices
        Most vertices in all, and in one geometry.
    memory_bytes
        Address space of the child process, in bytes.
    cpu_s, wall_s
        Seconds of processor time of the child, and seconds the reader waits for it in all.
    output_bytes
        Most bytes the child may send.
    """

    file_bytes: int = 100 * _MB
    unpacked_bytes: int = 400 * _MB
    rows: int = 200_000
    columns: int = 200
    vertices: int = 1_000_000
    geometry_vertices: int = 100_000
    memory_bytes: int = 2048 * _MB
    cpu_s: int = 20
    wall_s: float = 30.0
    output_bytes: int = 1024 * _MB


INTERACTIVE: Final = ReadLimits()
# A job of the background worker: nobody waits, and a million rows must pass.
JOB: Final = ReadLimits(
    file_bytes=1024 * _MB,
    unpacked_bytes=4096 * _MB,
    rows=1_000_000,
    vertices=20_000_000,
    geometry_vertices=500_000,
    memory_bytes=8192 * _MB,
    cpu_s=300,
    wall_s=600.0,
    output_bytes=8192 * _MB,
)
