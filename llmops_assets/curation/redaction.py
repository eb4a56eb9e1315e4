"""Secrets and personal data: found, and replaced by a typed placeholder such as `[EMAIL]`. What has no form of its own stays: names do.

A value has one placeholder throughout a record, so that an answer says what its request says; the second address of a
record is `[EMAIL_2]`.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import count
from typing import NamedTuple

from llmops_assets.curation import credentials, identifiers
from llmops_assets.curation.phone_numbers import phone_numbers

FINDERS: dict[str, Callable[[str], Iterator[tuple[int, int]]]] = {
    "private_key": credentials.private_keys,
    "secret": credentials.secrets,
    "email": identifiers.emails,
    "iban": identifiers.ibans,
    "card": identifiers.cards,
    "ssn": identifiers.ssns,
    "phone": phone_numbers,
    "ip": identifiers.addresses,
}
"""By kind, in the order in which they are asked: what one has found is no other's."""
PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(FINDERS).upper()})(?:_\d+)?\]")
SUSPECT = re.compile(r"[\d@]|-----BEGIN|[A-Za-z0-9_-]{15}")
"""What every hit of every finder holds: most texts have none of it, and need no closer look."""


REPEATED_FROM = 7
"""Characters from which a found value is also replaced where no finder sees it; shorter ones may be plain words."""


class Redacted(NamedTuple):
    """The texts of a record with placeholders, and the kind of each that was put there."""

    texts: list[str]
    kinds: list[str]


class Hit(NamedTuple):
    """A value where it stands in a text."""

    start: int
    end: int
    kind: str
    value: str


def redact(texts: Sequence[str], allowed: Collection[str] = ()) -> Redacted:
    """The texts of one record with placeholders for what they hold of secrets and personal data.

    Args:
        texts: of one record: what is found in one of them is replaced in all.
        allowed: kinds that stay.
    """
    found = [list(_hits(text, allowed)) if SUSPECT.search(text) else [] for text in texts]
    if not any(found):
        return Redacted(list(texts), [])
    named = _named([hit for hits in found for hit in hits], PLACEHOLDER.findall(" ".join(texts)))
    kinds_of = {hit.value: hit.kind for hits in found for hit in hits}
    longest_first = sorted((re.escape(value) for value in named if len(value) >= REPEATED_FROM), key=len, reverse=True)
    again = re.compile(rf"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))(?:{'|'.join(longest_first) or '(?!)'})(?![A-Za-z0-9])")
    redacted, kinds = [], []
    for text, hits in zip(texts, found, strict=True):
        repeats = [Hit(*hit.span(), kinds_of[hit[0]], hit[0]) for hit in again.finditer(text)]
        parts, last = [], 0
        for hit in sorted(_apart([*hits, *repeats], len(text))):
            parts += [text[last : hit.start], named[hit.value]]
            kinds.append(hit.kind)
            last = hit.end
        redacted.append("".join([*parts, text[last:]]))
    return Redacted(redacted, kinds)


def _hits(text: str, allowed: Collection[str]) -> Iterator[Hit]:
    every = (Hit(*span, kind, text[slice(*span)]) for kind, finder in FINDERS.items() for span in finder(text))
    return (hit for hit in _apart(every, len(text)) if hit.kind not in allowed)


def _apart(hits: Iterable[Hit], length: int) -> Iterator[Hit]:
    """Those that overlap none before them."""
    taken = bytearray(length)
    for hit in hits:
        if taken.find(1, hit.start, hit.end) < 0:
            taken[hit.start : hit.end] = b"\1" * (hit.end - hit.start)
            yield hit


def _named(hits: Sequence[Hit], used: Collection[str]) -> dict[str, str]:
    """Placeholders by value; two spellings of one value, such as with and without blanks, have the same."""
    free = {kind: _placeholders(kind, used) for kind in FINDERS}
    named: dict[str, str] = {}
    by_meaning: dict[tuple[str, str], str] = {}
    for hit in hits:
        meaning = hit.kind, _meaning(hit)
        if meaning not in by_meaning:
            by_meaning[meaning] = next(free[hit.kind])
        named[hit.value] = by_meaning[meaning]
    return named


def _meaning(hit: Hit) -> str:
    if hit.kind in ("iban", "card", "ssn", "phone"):
        return re.sub(r"[^\w+]", "", hit.value).upper()
    return hit.value if hit.kind in ("secret", "private_key") else hit.value.casefold()


def _placeholders(kind: str, used: Collection[str]) -> Iterator[str]:
    names = (f"[{kind.upper()}{f'_{number}' if number > 1 else ''}]" for number in count(1))
    return (name for name in names if name not in used)
