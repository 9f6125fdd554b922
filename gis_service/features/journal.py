"""Features that people have worked on step by step: what others brought in stays when they have a journal."""

from __future__ import annotations

from layers.layer import Layer


def has_journal(layer: Layer, rows: str) -> str:
    """Return the SQL condition that a row of a layer, under the name ``rows``, has steps or photos of its own.

    Layers without fields that change by steps have none. The trigger ``keep_case`` refuses to delete such rows.
    """
    if not any(field.by_step for field in layer.fields):
        return "false"
    of = f"where j.community = {rows}.community and j.case_id = {rows}.id"
    return f"(exists (select from gis.case_step j {of}) or exists (select from gis.case_photo j {of}))"
