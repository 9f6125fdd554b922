"""What a proposal says of its file, for pages and clients: kept as JSON with it."""

from __future__ import annotations

from typing import Any

from gis_service.coordinates import crs_title, has_code
from gis_service.surveys.columns.personal import holds_identity
from gis_service.surveys.proposal import Proposal

_SHOWN_ROWS = 5
_LONGEST = 60


def report_of(proposal: Proposal) -> dict[str, Any]:
    """Return the results of the checks as JSON: file, encoding, coordinates, columns, first rows, counts."""
    sheet, matching = proposal.sheet, proposal.matching
    matched = {sheet.columns[position]: field for position, field in matching.fields.items()}
    return {
        "driver": sheet.driver,
        "sheet": sheet.layer,
        "rows": proposal.rows_read,
        "encoding": sheet.encoding,
        "encoding_evidence": sheet.encoding_evidence,
        "lost": [{"column": column, "message": message} for column, message in sheet.lost],
        "crs": sheet.crs,
        "crs_title": crs_title(sheet.crs) if has_code(sheet.crs) else sheet.crs,
        "crs_evidence": sheet.crs_evidence,
        "coordinates": list(sheet.coordinates),
        "all_columns": list(sheet.columns),
        "columns": [
            {"column": name, "field": field.name, "title": field.title} for name, field in matched.items()
        ],
        "not_imported": {
            "unknown": [name for name in matching.unknown if name not in sheet.coordinates],
            "personal": list(matching.personal),
            "doubled": list(matching.doubled),
        },
        "suggested": [
            {"column": one.column, "field": one.options[0][0], "title": proposal.layer.field(one.options[0][0]).title}
            for one in matching.suggested
        ],
        "codes_made": proposal.codes_made,
        "notes": [*sheet.notes, *proposal.notes],
        "sample": _sample(proposal),
    }  # fmt: skip


def _sample(proposal: Proposal) -> dict[str, Any]:
    """Return the first rows as they were read, without the columns and values that name a person."""
    sheet = proposal.sheet
    shown = [at for at, name in enumerate(sheet.columns) if name and name not in proposal.matching.personal]
    rows = [[_cell(row[at]) for at in shown] for row in sheet.sample_rows[:_SHOWN_ROWS]]
    return {"columns": [sheet.columns[at] for at in shown], "rows": rows}


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return "(不显示)" if holds_identity(text) else text[:_LONGEST]
