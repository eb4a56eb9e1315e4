"""Phone numbers: what a numbering plan knows, where the text says that it is one."""

import re
from collections.abc import Iterator

from llmops_assets.curation.identifiers import SEVEN_DIGITS

ABROAD = re.compile(r"\+\s?\(?\d")
AMERICAN = re.compile(
    r"(?:(?<![\w.-])1[-. ])?\(\d{3}\) ?\d{3}[-. ]\d{4}(?!\d)|(?<![\w.-])(?:1[-. ])?\d{3}([-.])\d{3}\1\d{4}(?![\w-])"
)
"""Brackets or two equal marks: nothing else is written like that, and the area and exchange must exist."""
TRUNK = re.compile(r"\(0\d{1,5}\) ?\d|(?<![\w.,-])(?:00|011)[ -]?[1-9]\d{0,2}[ -]\d")
"""A leading zero in brackets, or the way out of the country."""
SAID = re.compile(
    r"\b(?:call|phone|ring|dial|text|sms|fax|tel|telephone|mobile|cell|whatsapp|number)\b\.?[^.;!?\n\d]{0,40}?"
    r"(?P<number>\(?\d[\d ().-]{5,18}\d)",
    re.IGNORECASE,
)
OTHER = re.compile(
    r"order|ticket|invoice|account|room|flight|customer|reference|\bref\b|\bid\b|case|serial|part|model|tracking|#",
    re.I,
)
"""Numbers of other things that one calls about."""
REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "CH", "AU", "IN")
"""Whose plans a number without a country code is tried by; the larger markets of the languages that curation keeps."""


def phone_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Numbers with a country code, and such as their writing or a word before them tells."""
    if not SEVEN_DIGITS.search(text):
        return
    if ABROAD.search(text):
        yield from _matches(text, None)
    american = {hit.start() for hit in AMERICAN.finditer(text)}
    if american:
        yield from (span for span in _matches(text, "US") if span[0] in american)
    told = {hit.start() for hit in TRUNK.finditer(text)} | {
        hit.start("number") for hit in SAID.finditer(text) if _is_phone(hit)
    }
    if told:
        yield from (span for region in REGIONS for span in _matches(text, region) if span[0] in told)


def _is_phone(hit: re.Match[str]) -> bool:
    return not OTHER.search(hit.string, max(0, hit.start() - 20), hit.start("number"))


def _matches(text: str, region: str | None) -> Iterator[tuple[int, int]]:
    """Where numbers stand; with a country code made-up and mistyped ones too, which nobody can tell from somebody's."""
    from phonenumbers import Leniency, PhoneNumberMatcher, ValidationResult, is_possible_number_with_reason

    for match in PhoneNumberMatcher(text, region, Leniency.VALID if region else Leniency.POSSIBLE):
        start = match.start + (match.raw_string.startswith("(") and ")" not in match.raw_string)
        whole = is_possible_number_with_reason(match.number) == ValidationResult.IS_POSSIBLE
        if whole and not (text[start] == "+" and re.search(r"[\w+]\Z", text[:start])):
            yield start, match.end
