"""What a worker does for each kind of job; loaded in the worker's own process only, since drawing takes memory."""

from __future__ import annotations

from collections.abc import Mapping

from api.sheet_making import make_in_background
from api.worker import Places
from gis_service.database import Database
from gis_service.jobs import Handler, work_off
from gis_service.sheets.records import EXPORT_JOB
from gis_service.surveys.commit import commit_in_background
from gis_service.surveys.desk import COMMIT_JOB, READING_JOB, Desk, read_in_background


def handlers_of(places: Places) -> Mapping[str, Handler]:
    """Return what does each kind of job."""
    originals = places.originals
    return {
        EXPORT_JOB: lambda database, job, progress: make_in_background(
            database, job, progress, places.sheets, places.public_url, places.template
        ),
        READING_JOB: lambda database, job, progress: read_in_background(
            Desk(database, job.scope, originals), job, progress
        ),
        COMMIT_JOB: lambda database, job, progress: commit_in_background(
            Desk(database, job.scope, originals), job, progress
        ),
    }


def work(database: Database, places: Places) -> int:
    """Do what there is to do; return how many jobs were taken up."""
    return work_off(database, handlers_of(places))
