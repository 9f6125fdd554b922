"""The text of a case for a superior's system: to be copied into it by hand, since no integration is claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gis_service.cases.filing import due_said
from gis_service.features.question import SHANGHAI
from layers.catalog.hazard import Department, HazardFlow, HazardLevel
from layers.flows import GRAVE
from layers.registry import LAYERS

_FIELDS = {field.name: field for field in LAYERS["hazard"].fields}


def report_text(
    case: Mapping[str, Any],
    journal: Sequence[Mapping[str, Any]],
    community: str,
    grid: str | None,
    photos: Sequence[str],
) -> str:
    """Return a case as lines of Chinese text.

    Parameters
    ----------
    case, journal
        As ``told_of`` and ``read_journal`` give them.
    community, grid
        Names of where it lies.
    photos
        Addresses of its photos.
    """
    place = case.get("place")
    lines = [
        f"【{_headed(HazardLevel(case['level']))}】{case['code']}",
        f"事件类别:{case.get('event_code_title', case['event_code'])}({case['event_code']})",
        f"等级:{_said(case, 'level')}",
        f"地点:{community}{grid or ''}{'' if not place else f',{place}'}",
        f"坐标:东经 {case['lon']:.6f},北纬 {case['lat']:.6f}(CGCS2000)",
        f"发现:{case.get('found_on') or '日期未记'},{_said(case, 'found_by') or '方式未记'}",
    ]
    if case.get("detail"):
        lines.append(f"情况:{case['detail']}")
    if case.get("due_on"):
        lines.append(f"整改期限:{case['due_on']}")
    lines.append(f"办理状态:{_said(case, 'status')}({HazardFlow(case['flow']).label})")
    done = [_line(step) for step in journal]
    if done:
        lines += ["办理经过:", *done]
    if case.get("transferred_to"):
        since = f",{case['transferred_on']}" if case.get("transferred_on") else ""
        reference = f",编号 {case['transferred_ref']}" if case.get("transferred_ref") else ""
        lines.append(f"移交:{Department(case['transferred_to']).label}{since}{reference}")
    if photos:
        lines += [f"照片 {len(photos)} 张:", *photos]
    return "\n".join(lines) + "\n"


def _headed(level: HazardLevel) -> str:
    """Return what kind of report it is: the word of the level, without what is said of it in brackets."""
    return f"{level.label.partition('(')[0]}隐患上报" if level in GRAVE else "事项上报"


def _said(case: Mapping[str, Any], name: str) -> str:
    return _FIELDS[name].show(case.get(name))


def _line(step: Mapping[str, Any]) -> str:
    said = "。".join(str(step[name]) for name in ("note", "handler", "reference") if step.get(name))
    due = due_said(step.get("due_at"))
    return (
        f"  {step['position']}. {step['at'].astimezone(SHANGHAI):%Y-%m-%d %H:%M} {step['title']}"
        f"{f':{said}' if said else ''}{f'(时限 {due})' if due else ''}"
    )
