"""Characters by their sound: which Chinese characters a run of Latin letters may stand for."""

from __future__ import annotations

import json
import unicodedata
from collections import defaultdict
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

MAX_LETTERS: Final = 40
_SHORT: Final = 12
"""Runs of more letters aren't read as initials alone."""
_INITIALS: Final = frozenset([*"bpmfdtnlgkhjqxrzcsyw", *"aeo", "zh", "ch", "sh"])
_READINGS: Final = 200
_MOST_READINGS: Final = 3
_MOST_INITIALS: Final = 8
"""Initials in all readings of a run together: each stands for hundreds of characters, which the pattern lists."""


def sounds_like(letters: str) -> str | None:
    """Return a PostgreSQL pattern for the characters that letters without tones may stand for, or None for none.

    Letters are read as whole syllables, as initials, or as a mixture (``xinqun``, ``xqjy``, ``xinqjy``); the last
    syllable may be unfinished. Every reading of a character counts: 重 is found by ``zhong`` and by ``chong``.
    """
    if not 2 <= len(letters) <= MAX_LETTERS:
        return None
    characters = {**_by_beginning(), **_by_syllable()}
    readings = ["".join(f"[{characters[part]}]" for part in reading) for reading in _readings(letters)]
    return f"(?:{'|'.join(readings)})" if readings else None


def sounds_of(name: str) -> set[tuple[str, ...]]:
    """Return the ways to say a short name, in syllables without tones; other signs than characters say themselves."""
    ways: set[tuple[str, ...]] = {()}
    for sign in name:
        ways = {(*way, syllable) for way in ways for syllable in _syllables().get(sign, (sign,))}
        if len(ways) > _READINGS:
            return set()
    return ways


def sounds_in(*texts: str) -> dict[str, str]:
    """Return what a page without a service must know of the sounds of texts; of characters that aren't in them nothing.

    Returns
    -------
    dict
        ``syllables``: every syllable, with the characters that may be said so behind it (``ai爱 an安``);
        ``rare``: those characters that the beginning of a syllable doesn't stand for.
    """
    signs: set[str] = set().union(*texts)
    found = {
        syllable: "".join(sorted(signs.intersection(characters))) for syllable, characters in _by_syllable().items()
    }
    rare = {sign for characters in found.values() for sign in characters if not sign.encode("gb2312", "ignore")}
    return {
        "syllables": " ".join(syllable + characters for syllable, characters in sorted(found.items())),
        "rare": "".join(sorted(rare)),
    }


def _readings(letters: str) -> list[tuple[str, ...]]:
    """Return the readings that a pattern lists: whole syllables and initials alone; mixtures where neither will do."""
    syllables = _by_syllable()

    def initials(reading: tuple[str, ...]) -> int:
        return sum(part not in syllables for part in reading)

    readings = sorted(dict.fromkeys(_split(letters)), key=initials)
    chosen = sorted((reading for reading in readings if initials(reading) == 0), key=len)[:_MOST_READINGS]
    if len(letters) <= _SHORT and all(letter in _INITIALS for letter in letters):
        chosen.append(tuple(f"{letter}-" for letter in letters))
    used = sum(map(initials, chosen))
    for reading in readings if not chosen or used else ():
        used += initials(reading)
        if chosen and used > _MOST_INITIALS:
            break
        chosen.append(reading)
    return list(dict.fromkeys(chosen))


def _split(letters: str) -> list[tuple[str, ...]]:
    """Return readings of letters as syllables and initials, long syllables first."""
    beginnings, syllables, end = _by_beginning(), _by_syllable(), len(letters)

    def parts_at(at: int) -> list[tuple[str, int]]:
        found = []
        for to in range(at + 1, min(at + 6, end) + 1):
            part = letters[at:to]
            if part in syllables:
                found.append((part, to))
            elif part in _INITIALS or (to == end and f"{part}-" in beginnings):
                found.append((f"{part}-", to))
        return found

    # From the end on, so that a beginning which leads nowhere is never gone into: there may be millions of them.
    onward: dict[int, list[tuple[str, int]]] = {end: []}
    for at in range(end - 1, -1, -1):
        if parts := [(part, to) for part, to in parts_at(at) if to in onward]:
            onward[at] = parts
    found: list[tuple[str, ...]] = []
    open_ends: list[tuple[tuple[str, ...], int]] = [((), 0)] if 0 in onward else []
    while open_ends and len(found) < _READINGS:
        said, at = open_ends.pop()
        if at == end:
            found.append(said)
        open_ends += [((*said, part), to) for part, to in onward[at]]
    return found


@cache
def _by_syllable() -> dict[str, str]:
    """Return the characters of each syllable without its tone (ü written v), those of the GBK character set."""
    # The package's own import reads its phrases too, which takes a quarter of a second and 30 MB.
    spec = find_spec("pypinyin")
    if spec is None or spec.origin is None:
        raise ImportError("pypinyin is missing")
    table = json.loads(Path(spec.origin).with_name("pinyin_dict.json").read_text(encoding="utf-8"))
    found: dict[str, list[str]] = defaultdict(list)
    for number, readings in table.items():
        character = chr(int(number))
        if "一" <= character <= "鿿" and character.encode("gbk", "ignore"):
            for syllable in {_without_tone(reading) for reading in readings.split(",")}:
                # 嗯 and its like are also read n and ng, which would turn every final n into a syllable.
                if any(letter in syllable for letter in "aeiouv"):
                    found[syllable].append(character)
    return {syllable: "".join(characters) for syllable, characters in found.items()}


@cache
def _syllables() -> dict[str, tuple[str, ...]]:
    """Return the syllables of each character."""
    found: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for syllable, characters in _by_syllable().items():
        for character in characters:
            found[character] += (syllable,)
    return dict(found)


@cache
def _by_beginning() -> dict[str, str]:
    """Return the characters of the syllables that begin with some letters, which are given with a hyphen: ``xi-``.

    Only the 6,763 characters of GB 2312 are listed: patterns of all would take twice the time to look through names.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for syllable, characters in _by_syllable().items():
        for size in range(1, len(syllable) + 1):
            common = (character for character in characters if character.encode("gb2312", "ignore"))
            found[f"{syllable[:size]}-"].update(common)
    return {beginning: "".join(sorted(characters)) for beginning, characters in found.items()}


@cache
def _without_tone(reading: str) -> str:
    """Return a syllable in the letters that people type: ü, whatever its tone, is v."""
    marked = unicodedata.normalize("NFD", reading).replace("u\u0308", "v")
    return "".join(letter for letter in marked if letter.isascii())
