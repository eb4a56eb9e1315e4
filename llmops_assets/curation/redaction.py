"""Secrets and personal data: found, and replaced by a typed placeholder such as `[EMAIL]`. Patterns, not guesses; names stay."""

import re
from collections.abc import Collection

PATTERNS = {
    "private_key": re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
    ),
    "secret": re.compile(
        r"\b(?:sk-[A-Za-z0-9_-]{16,}|ghp_[A-Za-z0-9]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}|AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{35}"
        r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,})"
    ),
    "email": re.compile(r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b"),
    "iban": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
    "card": re.compile(r"\b(?:\d[ -]?){13,19}\b"),
    "ssn": re.compile(r"\b\d{3}-\d{2}-\d{4}\b"),
    "phone": re.compile(r"(?<![\w.])\+\d{1,3}[ -]?(?:\(?\d{1,4}\)?[ -]?){2,5}\d{2,4}\b"),
    "ip": re.compile(r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b(?!\.\d)"),
}
SUSPECT = re.compile(r"[\d@]|-----BEGIN|sk-|ghp_|xox|AIza|eyJ")
"""What every hit of every pattern holds: most texts have none of it, and need no closer look."""
KEPT_ADDRESSES = re.compile(r"\b(?:127\.\d+\.\d+\.\d+|0\.0\.0\.0|192\.168\.\d+\.\d+|10\.\d+\.\d+\.\d+)\b")


def redact(text: str, allowed: Collection[str] = ()) -> tuple[str, list[str]]:
    """The text with placeholders, and the kinds that were found in it."""
    found: list[str] = []
    if not SUSPECT.search(text):
        return text, found
    for kind, pattern in PATTERNS.items():
        if kind in allowed:
            continue

        def hide(hit: re.Match[str], kind: str = kind) -> str:
            if not _real(kind, hit[0]):
                return hit[0]
            found.append(kind)
            return f"[{kind.upper()}]"

        text = pattern.sub(hide, text)
    return text, found


def _real(kind: str, words: str) -> bool:
    if kind == "card":
        return _luhn([int(digit) for digit in words if digit.isdigit()])
    return not (kind == "ip" and KEPT_ADDRESSES.fullmatch(words))


def _luhn(digits: list[int]) -> bool:
    """The check digit of card numbers (ISO/IEC 7812-1): else every long order number would be a card."""
    doubled = [digit * 2 - 9 * (digit > 4) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
    return len(digits) >= 13 and sum(doubled) % 10 == 0
