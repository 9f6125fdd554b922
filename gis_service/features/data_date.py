"""When the data of an answer last changed, as every answer to a question says."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from gis_service.features.question import SHANGHAI
from gis_service.reference_systems import CRS84
from gis_service.statement import Rows


def said_of(versions: Rows) -> dict[str, Any]:
    """Return what every answer says of its data: the system of its coordinates, and the day of the last change.

    Parameters
    ----------
    versions
        What the statement of ``tags.versions_of`` answers with.

    Returns
    -------
    dict
        ``crs`` (the URI), ``data_date`` (day in Shanghai) and ``data_changed_at`` (moment in Shanghai); the latter two
        are None where nothing has ever been written.
    """
    changed = last_change(versions)
    return {
        "crs": CRS84.uri,
        "data_date": changed and changed.date().isoformat(),
        "data_changed_at": changed and changed.isoformat(timespec="seconds"),
    }


def last_change(versions: Rows) -> datetime | None:
    """Return the latest change of the layers whose versions were read, in Shanghai; None without any."""
    said = versions[0][0]
    return _latest(said) if said else None


@lru_cache(maxsize=256)
def _latest(said: bytes) -> datetime:
    moments = [datetime.fromisoformat(part.rpartition("/")[2]) for part in said.decode().split("|")]
    return max(moments).astimezone(SHANGHAI)
