"""How the cost grows with the rows: the databases take turns, so that a machine that tires slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from gis_service.local_cluster import LocalCluster
from side_by_side.comparison import learn_shape, places_of_round
from side_by_side.measuring import Figures, Meter, MissingError, http_asks, measure_round
from side_by_side.places import draw_places
from side_by_side.processes import database_tree
from side_by_side.questions import QUESTIONS, Place
from side_by_side.raw_sql import Ask, connect_raw, is_wound, superuser_asks
from side_by_side.servers import running_service

GROWING = ("items", "point", "radius", "nearest")
"""Questions whose places are the same buildings in every database; tiles are cut elsewhere in each copy."""

Growth = dict[tuple[str, str], list[Figures | None]]
"""By question and contender, what each database took, in the order of the databases; None where there is no answer."""


def measure_growth(
    cluster: LocalCluster, databases: Sequence[str], logs: Path, *, rounds: int, seconds: float
) -> Growth:
    """Ask this service and raw SQL the same in every database, in turn."""
    with ExitStack() as stack:
        asked = [_everyone(stack, cluster, database, logs) for database in databases]
        grown: Growth = {}
        for name in GROWING:
            for contender in ("service", "raw"):
                grown[name, contender] = [Figures() if (name, contender) in asks else None for asks, _ in asked]
        database = database_tree(cluster).cpu
        for number in range(rounds):
            for (name, contender), figures in grown.items():
                question = next(question for question in QUESTIONS if question.name == name)
                for (asks, places), into in zip(asked, figures, strict=True):
                    if into is not None:
                        ask, meter = asks[name, contender]
                        chosen = places_of_round(places, question, number)
                        for place in chosen:
                            ask(place)
                        measure_round(ask, chosen, seconds, meter, database, into)
        return grown


def _everyone(
    stack: ExitStack, cluster: LocalCluster, database: str, logs: Path
) -> tuple[dict[tuple[str, str], tuple[Ask, Meter]], dict[str, list[Place]]]:
    """Return who answers in one database, and the places to ask about."""
    conn = stack.enter_context(closing(connect_raw(cluster, database)))
    folder = logs / database
    folder.mkdir()
    service = stack.enter_context(running_service(cluster, database, folder))
    places = draw_places(conn)
    shape = learn_shape(service, places, wound=is_wound(conn))
    connection = stack.enter_context(service.connect())
    asks: dict[tuple[str, str], tuple[Ask, Meter]] = {}
    for question in QUESTIONS:
        if question.name not in GROWING or question.raw is None:
            continue
        asks[question.name, "raw"] = (superuser_asks(conn, shape, question.raw), time.process_time)
        ask = http_asks(connection, service.name, question.service, {})
        try:
            ask(places[question.places][0])
        except MissingError:
            continue
        asks[question.name, "service"] = (ask, service.tree.cpu)
    return asks, places
