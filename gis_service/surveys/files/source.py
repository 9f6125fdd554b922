"""What every kind of file is turned into before its geometry is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from gis_service.surveys.files.datum import Claim


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file, in its own coordinate system.

    Parameters
    ----------
    rows
        Values per column: str, int, float, bool or None; dates as ISO strings.
    geometries
        shapely geometries or None, one per row.
    reasons
        Why a row's geometry couldn't even be built, by position in the chunk.
    repairs
        What was mended to build it, by position in the chunk.
    waiting
        Rows that say nothing of a place and are placed later, by position; that they have no geometry is no fault.
    """

    rows: list[list[object]]
    geometries: NDArray[np.object_]
    reasons: dict[int, str] = field(default_factory=dict)
    repairs: dict[int, str] = field(default_factory=dict)
    waiting: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Source:
    """An opened file.

    Parameters
    ----------
    crs, crs_evidence, claim
        The system of the chunks' coordinates, a Chinese sentence that says how it is known, and what stands behind it.
    encoding, driver, layer, row_count
        As in :class:`gis_service.surveys.reading.Sheet`.
    chunks
        The rows, once.
    coordinates
        Headers of the columns that the geometry was made of.
    placeless
        Whether it is a ledger: a table without coordinates, whose rows must be placed by code or address.
    encoding_evidence, lost, cut_columns
        As in :class:`gis_service.surveys.reading.Sheet`.
    """

    columns: tuple[str, ...]
    crs: str
    crs_evidence: str
    claim: Claim
    encoding: str | None
    driver: str
    layer: str | None
    row_count: int | None
    chunks: Iterator[Chunk]
    notes: tuple[str, ...] = ()
    coordinates: tuple[str, ...] = ()
    placeless: bool = False
    encoding_evidence: str = ""
    lost: tuple[tuple[str, str], ...] = ()
    cut_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wish:
    """How the sender wants a file read; see :func:`gis_service.surveys.reading.read_survey`."""

    geometry: str
    crs: str | None
    layer: str | None
    dissolve: str | None
    metric_srid: int | None
    ledgers: bool = False


def turned_round(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Exchange first and second coordinate of geometries that were written latitude (or northing) first."""
    turned: NDArray[np.object_] = shapely.transform(geometries, lambda points: points[:, ::-1])
    return turned


def turned_chunks(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Exchange first and second coordinate of every geometry."""
    return (replace(chunk, geometries=turned_round(chunk.geometries)) for chunk in chunks)
