"""Personal data with a form that can be checked: addresses, accounts, cards, numbers. Patterns propose, libraries decide."""

import ipaddress
import re
from collections.abc import Iterator

SEVEN_DIGITS = re.compile(r"\d(?:\W{0,2}\d){6}")
"""Every card, social security and phone number has seven in a row, whatever stands between them."""
EMAIL = re.compile(
    r"(?<![\w.%+\\-])(?!git@[\w.-]+[:/])\w[\w.%+-]*@(?!\dx\.)(?:[\w-]+\.)+(?:xn--[\w-]+|[^\W\d_]{2,})(?![\w-])(?!\()"
)
IN_AUTHORITY = re.compile(r"://[^\s/?#]*\Z")
"""Who logs in at an address is no mail address."""
IBAN = re.compile(r"(?<![A-Za-z0-9])(?=([A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30})(?![A-Za-z0-9]))")
CARD = re.compile(
    r"(?<![\w.-])(?<!\d )(?:\d{13,19}|\d{4}(?P<gap>[ -])\d{4}(?P=gap)\d{4}(?P=gap)\d{1,4}(?:(?P=gap)\d{1,3})?"
    r"|\d{4}(?P<gap2>[ -])\d{6}(?P=gap2)\d{4,5})(?![\w-]|[ .]\d)"
)
SSN = re.compile(r"(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w-])")
IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\w)")
VERSION = re.compile(r"(?:\b(?:version|release|build|firmware|driver|ver\.?|v)|[=<>~!]=|[A-Za-z]/|[\w.]-)\s*\Z", re.I)
IPV6 = re.compile(r"(?<![\w:.])[23][0-9a-f]{3}:[0-9a-f]{1,4}:[0-9a-f:]+(?![\w:.])", re.I)


def emails(text: str) -> Iterator[tuple[int, int]]:
    """Mail addresses, also of other alphabets and of inner networks."""
    if "@" in text:
        for hit in EMAIL.finditer(text):
            if not IN_AUTHORITY.search(text, max(0, hit.start() - 200), hit.start()):
                yield hit.span()


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """Account numbers whose country, length and check digits are right; which banks there are is not asked."""
    for hit in IBAN.finditer(text):
        from stdnum import iban

        words = hit[1]
        ends = [len(words), *(gap.start() for gap in reversed(list(re.finditer(r"[ -]", words))))]
        end = next((end for end in ends if iban.is_valid(words[:end], check_country=False)), 0)
        if end:
            yield hit.start(1), hit.start(1) + end


def cards(text: str) -> Iterator[tuple[int, int]]:
    """Card numbers of a known brand, with its length and the right check digit: others may be orders."""
    if not SEVEN_DIGITS.search(text):
        return
    from pydantic_core import PydanticCustomError
    from pydantic_extra_types.payment import PaymentCardBrand, PaymentCardNumber

    for hit in CARD.finditer(text):
        try:
            card = PaymentCardNumber(re.sub(r"\D", "", hit[0]))
        except PydanticCustomError:
            continue
        if card.brand != PaymentCardBrand.other:
            yield hit.span()


def ssns(text: str) -> Iterator[tuple[int, int]]:
    """US social security numbers that can have been given out."""
    for hit in SSN.finditer(text) if "-" in text else ():
        from stdnum.us import ssn

        if ssn.is_valid(hit[0]):
            yield hit.span()


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """Internet addresses of somebody's machine: neither private, reserved nor for documents, nor a version."""
    for hit in IPV4.finditer(text) if text.count(".") >= 3 else ():
        if _public(hit[0]) and not VERSION.search(text, max(0, hit.start() - 20), hit.start()):
            yield hit.span()
    for hit in IPV6.finditer(text) if text.count(":") >= 3 else ():
        if _public(hit[0]):
            yield hit.span()


def _public(words: str) -> bool:
    try:
        address = ipaddress.ip_address(words)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast
