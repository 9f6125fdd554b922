"""The audit: what was written and whose personal data was read, by whom; and whether anybody bent the record of it.

Every transaction that writes leaves one link of a chain, each with the digest of the one before it (``audit.sql``). The
application's role can't change a link. Whoever is above it, a superuser, could; so the chain's end is also kept in a
file elsewhere (an anchor), and ``verify`` compares.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select, text
from sqlalchemy.engine import Connection

from gis_service.audit_tables import AUDIT, AUDIT_HEAD
from gis_service.errors import InputError


@dataclass(frozen=True)
class Link:
    """One transaction in the audit: where in which chain, when, who in which role, and what it wrote or read."""

    area: str
    position: int
    at: datetime
    actor: str
    role: str
    upload: str | None
    entries: Sequence[dict[str, Any]]
    digest: str


@dataclass(frozen=True)
class Finding:
    """Something that isn't as it was written: in which chain, at which position, and what it is."""

    area: str
    position: int
    said: str


def list_audit(
    conn: Connection, *, actor: str | None = None, area: str | None = None, since: datetime | None = None,
    until: datetime | None = None, after: tuple[datetime, str, int] | None = None, limit: int,
) -> list[Link]:  # fmt: skip
    """Return the links that whoever asks may see, the latest first; ``after`` is the last one of the page before."""
    a = AUDIT.c
    wanted = select(a.area, a.position, a.at, a.actor, a.role, a.upload, a.entries, a.digest)
    asked = [(actor, a.actor.__eq__), (area, a.area.__eq__), (since, a.at.__ge__), (until, a.at.__lt__)]
    wanted = wanted.where(*(holds(given) for given, holds in asked if given is not None))
    if after is not None:
        moment, chain, place = after
        wanted = wanted.where(
            text("(audit.at, audit.area, audit.position) < (:at, :chain, :place)").bindparams(
                at=moment, chain=chain, place=place
            )
        )
    rows = conn.execute(wanted.order_by(a.at.desc(), a.area.desc(), a.position.desc()).limit(limit))
    return [
        Link(row.area, row.position, row.at, row.actor, row.role, row.upload and str(row.upload), row.entries,
             row.digest.hex()) for row in rows
    ]  # fmt: skip


def verify(conn: Connection, anchors: Sequence[dict[str, Any]]) -> tuple[int, list[Finding]]:
    """Reckon every digest anew, and compare the chains with their anchors; return how many links, and what is wrong.

    Where there are anchors, erasing is anchored too: a link that is only said to have been erased isn't right.

    A link that was edited has another digest; one that was deleted leaves a gap, or a link that doesn't follow the one
    before it; a chain that was cut off ends before its head, or before an anchor. A link out of which personal data was
    erased is held by the later one that says so: that one has the digest of what was left.

    After a restore the chains end where the backup did: anchors beyond that which were made before don't count, and
    the file says so (``Anchors.restart``).
    """
    findings = [Finding(row.area, row.position, row.said) for row in conn.execute(_VERIFY)]
    links = conn.execute(text("select count(*) from gis.audit")).scalar_one()
    if anchors:
        known = {(one["area"], one["position"], one["erased"]) for one in anchors if "erased" in one}
        findings += [
            Finding(row.area, row.position, "说是抹去了个人信息,锚定文件里没有登记")
            for row in conn.execute(_ERASED)
            if (row.area, row.position, row.left) not in known
        ]
    for anchor in _standing(anchors):
        area, position, digest = anchor["area"], anchor["position"], anchor["digest"]
        row = conn.execute(
            select(AUDIT.c.digest).where(AUDIT.c.area == area, AUDIT.c.position == position)
        ).one_or_none()
        if row is None:
            findings.append(Finding(area, position, f"锚定过({anchor['at']})的记录不见了:链被截断或删除"))
        elif row.digest.hex() != digest:
            findings.append(Finding(area, position, f"与锚定时({anchor['at']})的摘要不同:链被改写"))
    return links, findings


_VERIFY = text("""
    with links as (
      select area, position, digest, previous, erased_at,
        gis.audit_digest(previous, area, position, at, actor, role, upload, entries, salt) as right,
        lag(position) over w as position_before, lag(digest) over w as digest_before
      from gis.audit window w as (partition by area order by position)),
    ends as (select area, max(position) as position from gis.audit group by area)
    select area, position, '内容被改过:摘要不符' as said from links where erased_at is null and digest <> "right"
    union all
    select area, position, '抹去个人信息的记录与事后登记的不符' from links l
    where erased_at is not null and encode("right", 'hex') is distinct from (
      select x ->> 'detail' from gis.audit e, jsonb_array_elements(e.entries) x
      where e.area = l.area and e.position > l.position and x ->> 'subject' = 'audit' and x ->> 'operation' = 'erase'
        and x ->> 'key' = l.position::text
      order by e.position desc limit 1)
    union all
    select area, position, '前面有记录被删除' from links where position <> coalesce(position_before, 0) + 1
    union all
    select area, position, '与前一条接不上' from links
      where position = coalesce(position_before, 0) + 1 and previous is distinct from digest_before
    union all
    select h.area, h.position, '链的末端被截断' from gis.audit_head h left join ends e using (area)
      where h.position <> coalesce(e.position, 0)
    union all
    select h.area, h.position, '链的末端与最后一条不符' from gis.audit_head h join gis.audit a using (area, position)
      where h.digest is distinct from a.digest
    union all
    select e.area, e.position, '链的末端没有登记'
      from ends e left join gis.audit_head h using (area) where h.area is null
    order by 1, 2""")


def _standing(anchors: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the anchors that still bind: all but those beyond the end that a later restore left."""
    kept: list[dict[str, Any]] = []
    for anchor in anchors:
        if "erased" in anchor:
            continue
        if anchor.get("restored"):
            area, end = anchor["area"], anchor["position"]
            kept = [one for one in kept if one["area"] != area or one["position"] <= end]
        if anchor["position"]:
            kept.append(anchor)
    return kept


_ERASED = text("""
    select area, position,
      encode(gis.audit_digest(previous, area, position, at, actor, role, upload, entries, null), 'hex') as left
    from gis.audit where erased_at is not null order by 1, 2""")


class Anchors:
    """The file in which the ends of the chains are kept, outside the database: one JSON line for each.

    Lines are added, never changed. The further away the file is kept (another machine's share, a second person's),
    the less one person can bend both.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[dict[str, Any]]:
        """Return the anchors, the oldest first; InputError when the file was damaged."""
        if not self.path.exists():
            return []
        try:
            found = [orjson.loads(line) for line in self.path.read_bytes().splitlines()]
        except orjson.JSONDecodeError as error:
            raise self._damaged("有一行不是 JSON") from error
        if any(not isinstance(one, dict) or not {"at", "area", "position", "digest"} <= set(one) for one in found):
            raise self._damaged("有一行缺少内容")
        return found

    def _damaged(self, how: str) -> InputError:
        return InputError(f"锚定文件 {self.path} 坏了:{how}。", "The file of anchors is damaged.")

    def add(self, conn: Connection) -> int:
        """Add the ends that have moved since the last time; return how many. They are on the disk when this returns."""
        last = {one["area"]: one["position"] for one in self.read() if "erased" not in one}
        heads = conn.execute(select(AUDIT_HEAD).order_by(AUDIT_HEAD.c.area))
        moved: list[tuple[str, int, str, dict[str, Any]]] = [
            (row.area, row.position, row.digest.hex(), {})
            for row in heads
            if row.digest is not None and last.get(row.area, 0) < row.position
        ]
        self._append(moved)
        return len(moved)

    def note_erased(self, links: Sequence[tuple[str, int, str]]) -> None:
        """Note what is left of links out of which personal data is being erased: area, position and its digest.

        It is noted before the erasing commits; what then isn't erased after all is noted for nothing.
        """
        self._append([(area, position, "", {"erased": left}) for area, position, left in links])

    def restarts(self) -> list[str]:
        """Return when the chains were restored from a backup, once for each time."""
        return list(dict.fromkeys(one["at"] for one in self.read() if one.get("restored")))

    def restart(self, conn: Connection) -> list[str]:
        """Note that the chains were restored from a backup and end where it did; return what of them is gone.

        Anchors beyond stay in the file, for whoever wants to know what there had been.
        """
        last = {one["area"]: one["position"] for one in _standing(self.read())}
        heads = {row.area: row for row in conn.execute(select(AUDIT_HEAD))}
        gone, lines = [], []
        for area in sorted(last | heads):
            head = heads.get(area)
            end, digest = (head.position, head.digest.hex()) if head is not None and head.digest else (0, "")
            lines.append((area, end, digest, {"restored": True}))
            if last.get(area, 0) > end:
                gone.append(f"{area or '—'}:第 {end + 1} 到 {last[area]} 条")
        self._append(lines)
        return gone

    def _append(self, lines: Sequence[tuple[str, int, str, dict[str, Any]]]) -> None:
        if not lines:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with self.path.open("ab") as file:
            for area, position, digest, more in lines:
                anchor = {"at": at, "area": area, "position": position, "digest": digest, **more}
                file.write(orjson.dumps(anchor) + b"\n")
            file.flush()
            os.fsync(file.fileno())


def lines_of(links: Sequence[Link]) -> Iterator[dict[str, Any]]:
    """Return one line for each thing that a transaction wrote or read, for tables and CSV."""
    for link in links:
        for entry in link.entries:
            yield {
                "at": link.at, "actor": link.actor, "role": link.role, "area": link.area, "position": link.position,
                "operation": entry["operation"], "subject": entry["subject"], "key": entry["key"],
                "detail": entry["detail"], "rows": entry["rows"], "upload": link.upload,
            }  # fmt: skip
