"""The flows as clients get them: derived from the declarations that the database holds to."""

from __future__ import annotations

from typing import Any

from layers.catalog.hazard import HazardFlow
from layers.flows import FIRST_STEP, FLOWS, Step


def flow_told(name: HazardFlow) -> dict[str, Any]:
    """Return a flow with its states and steps; ``from`` are the states in which a step may be made.

    The step that files a case isn't among them: nobody makes it by itself.
    """
    flow = FLOWS[name]
    return {
        "flow": name, "title": name.label, "first": flow.first,
        "states": [{"state": state, "title": state.label} for state in flow.states],
        "steps": [
            {**step_told(step), "from": list(step.sources), "to": step.target, "to_flow": step.target_flow}
            for step in flow.steps
            if step.name != FIRST_STEP
        ],
    }  # fmt: skip


def step_told(step: Step) -> dict[str, Any]:
    """Return a step: what must and may be said with it, and who makes it, each with its Chinese word."""
    return {
        "step": step.name, "title": step.title, "requires": [[one, one.label] for one in step.requires],
        "offers": [[one, one.label] for one in step.offers],
        "offices": [[one, one.label] for one in step.offices], "graves": step.graves, "limit": step.limit,
        "attends": step.attends,
    }  # fmt: skip
