"""An upload as clients see it: its state, what is asked, what would change, and what came of it."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.engine import Connection

from gis_service.errors import NotFoundError
from gis_service.jobs import Job, job_of_upload
from gis_service.surveys.desk import Waiting, find_proposal
from gis_service.surveys.proposal_rows import count_steps, list_rows
from gis_service.surveys.uploads import UploadRecord, read_upload, uploads_from

_SHOWN_PROBLEMS = 50


def upload_document(conn: Connection, identifier: uuid.UUID) -> dict[str, Any]:
    """Return an upload as JSON has it; NotFoundError when the scope sees none.

    ``state`` is ``processing``, ``needs_answer``, ``proposed``, ``committed``, ``reverted`` (all that was
    written of it) or ``refused``.
    """
    try:
        waiting = find_proposal(conn, identifier)
    except NotFoundError:
        return {**_recorded(read_upload(conn, str(identifier))), "uploads": _written(conn, identifier)}
    row = waiting.row
    job = job_of_upload(conn, identifier)
    document: dict[str, Any] = {
        "id": str(identifier),
        "state": _state(conn, waiting, job),
        **{name: row[name] for name in ("community", "layer", "mode", "grid", "file_name", "sha256", "bytes")},
        **{name: row[name] for name in ("actor", "created_at", "questions", "answers", "attribution", "source")},
        "report": row["report"],
        "problem": row["problem"] or (job.problem if job is not None and job.state == "failed" else None),
        "counts": count_steps(conn, waiting.kept),
        "problems": [],
        "job": None if job is None else job_document(job),
        "upload": None,
        "uploads": [],
    }
    if row["layer"] is not None:
        document["problems"] = list_rows(conn, waiting.kept, waiting.layer, flagged=True, limit=_SHOWN_PROBLEMS)
    if row["state"] == "committed":
        document["upload"] = _recorded(read_upload(conn, str(identifier)))
        document["uploads"] = _written(conn, identifier)
    return document


def _written(conn: Connection, identifier: uuid.UUID) -> list[dict[str, Any]]:
    """Return what was written of an upload, and what took it back, the earliest first."""
    names = ("id", "state", "actor", "committed_at", "counts", "reverts")
    return [{name: _recorded(one)[name] for name in names} for one in uploads_from(conn, identifier)]


def _state(conn: Connection, waiting: Waiting, job: Job | None) -> str:
    if job is not None and job.state in {"waiting", "running"}:
        return "processing"
    state = str(waiting.row["state"])
    if state == "processing" and job is not None and job.state == "failed":
        return "refused"
    if state == "committed":
        # A file may be committed in parts, each of which is taken back by itself.
        commits = [one for one in uploads_from(conn, waiting.row["id"]) if one.reverts is None]
        return "reverted" if all(one.reverted for one in commits) else state
    return state


def _recorded(record: UploadRecord) -> dict[str, Any]:
    """Return what a commit, or a revert, is recorded as."""
    return {
        "id": str(record.id), "state": "reverted" if record.reverted else "committed", "layer": record.layer,
        "community": record.community, "file_name": record.file_name, "sha256": record.sha256, "crs": record.crs,
        "crs_evidence": record.crs_evidence, "encoding": record.encoding, "actor": record.actor,
        "committed_at": record.committed_at, "counts": record.counts,
        "reverts": None if record.reverts is None else str(record.reverts), "questions": [], "problems": [],
    }  # fmt: skip


def job_document(job: Job) -> dict[str, Any]:
    """Return a job as JSON has it."""
    return {
        "id": str(job.id), "kind": job.kind, "state": job.state, "done": job.done, "total": job.total,
        "problem": job.problem, "created_at": job.created_at, "finished_at": job.finished_at,
        "upload": job.subject.get("upload"),
    }  # fmt: skip
