"""Answers in two forms: JSON for programs, the same as a page for people."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from api.links import JSON, base_url, both_forms, link_headers, wants_html
from maps.document_page import document_page

_HEADERS = {"Vary": "Accept"}


def document_answer(request: Request, title: str, document: dict[str, Any]) -> Response:
    """Return a document as a page."""
    return HTMLResponse(document_page(title, document, base_url(request)), headers=_HEADERS)


def answer_in_form(
    request: Request, f: str | None, address: str, title: str, document: dict[str, Any], media_type: str = JSON
) -> Response:
    """Return a document as JSON or as a page, whichever the client wants, with links to itself and its other form.

    Parameters
    ----------
    address
        The document's own, without ``f``.
    """
    html = wants_html(request, f)
    links = [*both_forms(address, title, html=html), *document.get("links", ())]
    whole = {**document, "links": links}
    if html:
        return document_answer(request, title, whole)
    # Templates are for the body only: a Link header holds addresses.
    headers = link_headers(one for one in links if not one.get("templated"))
    return JSONResponse(whole, media_type=media_type, headers={**_HEADERS, **headers})
