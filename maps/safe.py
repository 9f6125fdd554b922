"""The one door through which text from data enters a page."""

from __future__ import annotations

_ESCAPES = (
    # Inside <script> only the text "</script" and "<!--" end or change the script; without any < there is neither.
    ("<", "\\u003c"),
    (">", "\\u003e"),
    ("&", "\\u0026"),
    # Valid in JSON, but line ends in older JavaScript.
    ("\u2028", "\\u2028"),
    ("\u2029", "\\u2029"),
    # Folium parses what it renders once more as a Jinja template: an opening brace pair in a stored value would be
    # run on the server. JSON itself never has two braces in a row, so these stand inside texts only.
    ("{{", "{\\u007b"),
    ("{%", "{\\u0025"),
    ("{#", "{\\u0023"),
)


def embed_json(text: str) -> str:
    r"""Return JSON text that may stand inside ``<script type="application/json">``, meaning the same as before.

    The characters that could end the script block, open a comment or start a template are written as JSON's own
    ``\uXXXX``. They can only occur inside texts of valid JSON, so the parsed value is unchanged.

    Parameters
    ----------
    text
        Valid JSON, for example a FeatureCollection as PostgreSQL wrote it.
    """
    for character, escape in _ESCAPES:
        text = text.replace(character, escape)
    return text
