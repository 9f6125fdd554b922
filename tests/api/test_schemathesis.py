"""Schemathesis reads the interface as a stranger would, and tries to make the service fail.

The operations come from ``/api``: a new one is tried without a word here. The service runs on a copy of the sample,
since some operations write.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import content_type_conformance, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from layers.registry import LAYERS
from tests.api.own_service import Served

FEW, MANY = 2, 40
# All layers share one programme; these two have every kind of field and of geometry between them.
TWO_LAYERS = {"building", "facility"}


def try_all(service: Served, layers: set[str], examples: int) -> dict[str, int]:
    """Try every operation, of the given layers only; return how often each was asked."""
    schema = schemathesis.openapi.from_url(f"{service.url}/api", headers=service.headers)
    asked: dict[str, int] = {}
    failed = []
    with requests.Session() as session:
        session.headers.update(service.headers)
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), "the interface describes an operation that can't be read"
            operation = found.ok()
            if layers.issuperset(set(operation.path.split("/")) & set(LAYERS)):
                try:
                    asked[operation.label] = try_operation(operation, session, examples)
                except (FailureGroup, AssertionError) as error:
                    # One operation that fails must not hide the others.
                    failed.append(said(operation.label, error))
    assert not failed, "\n\n".join(failed)
    return asked


def said(label: str, error: BaseException) -> str:
    parts = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    # The message holds the request to try again with; the parts say what is wrong with its answer.
    return "\n".join([label, *(str(part)[:1000] for part in (error, *parts))])


def try_operation(operation: Any, session: requests.Session, examples: int) -> int:
    """Send what the interface allows and what it forbids; return how many requests were sent."""
    sent = 0

    @settings(
        max_examples=examples, database=None, derandomize=True, deadline=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(operation.as_strategy(GenerationMode.POSITIVE) | operation.as_strategy(GenerationMode.NEGATIVE))
    def ask(case: Any) -> None:
        nonlocal sent
        sent += 1
        response = case.call(session=session)
        # Otherwise nothing but the login would be tried; a wrong password is refused in the same way.
        assert response.status_code != 401 or operation.label == "POST /login", case.as_curl_command()
        case.validate_response(response, checks=[not_a_server_error, content_type_conformance])
        if response.status_code >= 400:
            # Without a name of its own in the interface, every refusal is still a sentence for a clerk.
            assert response.headers["content-type"] == ["application/problem+json"], case.as_curl_command()
            assert re.search("[\u4e00-\u9fff]", response.json()["detail"]), case.as_curl_command()

    ask()
    return sent


def test_no_operation_fails(served_copy: Served) -> None:
    asked = try_all(served_copy, TWO_LAYERS, FEW)
    assert len(asked) > 15
    assert min(asked.values()) >= 1


@pytest.mark.long
def test_no_operation_of_any_layer_fails(served_copy: Served) -> None:
    asked = try_all(served_copy, set(LAYERS), MANY)
    assert len(asked) > 15
    assert min(asked.values()) >= 1
