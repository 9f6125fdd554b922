"""How phones share a service: the more of them wait, the less of each message is taken at once."""

from __future__ import annotations

import asyncio
import time

from fastapi.responses import Response

from api.turns import Shares
from gis_service.errors import UnavailableError


def test_the_more_wait_the_smaller_is_the_share() -> None:
    told: list[float] = []

    def take(seconds: float) -> Response:
        told.append(seconds)
        time.sleep(0.02)
        return Response()

    async def alone_then_many() -> None:
        shares = Shares(at_once=2, within_seconds=1.0)
        await shares.run(take)
        await asyncio.gather(*(shares.run(take) for _ in range(20)))
        await shares.run(take)

    asyncio.run(alone_then_many())
    assert told[0] == told[-1] == 2.0
    many = told[1:-1]
    assert 2.0 / 20 <= min(many) < 2.0 / 15
    # Whoever comes last finds the others gone.
    assert max(many) > 5 * min(many)
    assert len(told) == 22


def test_only_who_waits_too_long_is_told_to_come_again() -> None:
    def slow(_: float) -> Response:
        time.sleep(0.5)
        return Response()

    async def two() -> list[Response | BaseException]:
        shares = Shares(at_once=1, wait_seconds=0.1)
        answers = await asyncio.gather(shares.run(slow), shares.run(slow), return_exceptions=True)
        # The turn isn't lost with whoever gave it up.
        return [*answers, await shares.run(slow)]

    first, second, third = asyncio.run(two())
    assert isinstance(first, Response)
    assert isinstance(second, UnavailableError)
    assert isinstance(third, Response)
