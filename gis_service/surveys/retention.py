"""How long uploads are kept beside what they wrote: the file, and the rows of its proposal."""

from __future__ import annotations

from sqlalchemy import text

from gis_service.surveys.desk import Desk


def expire(desk: Desk) -> int:
    """Delete the files whose time is over, and with them what was proposed of them; return how many files.

    Proposals that nobody committed go as a whole. Of committed ones the record stays, and so do rows that still wait
    for a place or a decision; what was written stands in the layer and its history.
    """
    with desk.database.write(desk.scope) as conn:
        days = {"days": desk.originals.days}
        old = "created_at < now() - make_interval(days => :days)"
        conn.execute(text(f"delete from gis.proposal where state <> 'committed' and {old}"), days)
        conn.execute(
            text(
                "delete from gis.proposal_row r using gis.proposal p where p.community = r.community"
                f" and p.id = r.proposal and p.{old}"
                " and (r.written is not null or r.step in ('unchanged', 'refused'))"
            ),
            days,
        )
    return desk.originals.expire()
