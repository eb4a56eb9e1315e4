"""Licence keys: what a buyer has paid for, signed, readable offline by the gateway that enforces it.

LK1.eyJjdXN0b21lciI6IkFjbWUiLC...   version, payload and ed25519 signature over both, base64url
"""

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from datetime import date

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from llmops_assets.errors import LicenceError

PREFIX = "LK1"


@dataclass(frozen=True)
class LicenceKey:
    """One sale. An empty limit is no limit; `expires` is the last day on which it holds (ISO date)."""

    product: str
    tier: str
    customer: str
    deployments: int | None
    requests_per_month: int | None
    expires: str

    def allows_request(self, used_this_month: int) -> bool:
        """Whether one more request is within the month's quota."""
        return self.requests_per_month is None or used_this_month < self.requests_per_month


def issue_key(licence: LicenceKey, key: Ed25519PrivateKey) -> str:
    """The token that a buyer puts into the gateway's settings.

    Raises:
        LicenceError: the licence says nothing of who or until when.
    """
    _expiry(licence)
    if not licence.customer.strip():
        raise LicenceError(f"expected a customer for a licence key of {licence.product}, got none; say who buys")
    payload = json.dumps(asdict(licence), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    signed = f"{PREFIX}.{_encode(payload)}"
    return f"{signed}.{_encode(key.sign(signed.encode()))}"


def read_key(token: str, public_pem: bytes, *, product: str, today: date) -> LicenceKey:
    """What a token permits.

    Raises:
        LicenceError: it is malformed, signed by somebody else, for another product, or expired.
    """
    licence = _open(token, public_pem)
    if licence.product != product:
        raise LicenceError(
            f"expected a licence key for {product}, got one for {licence.product}; use the key of {product}"
        )
    if today > _expiry(licence):
        raise LicenceError(f"the licence key of {licence.customer} for {product} ended on {licence.expires}; renew it")
    return licence


def _open(token: str, public_pem: bytes) -> LicenceKey:
    public = serialization.load_pem_public_key(public_pem)
    parts = token.strip().split(".")
    if len(parts) != 3 or parts[0] != PREFIX or not isinstance(public, Ed25519PublicKey):
        raise LicenceError(f"expected a licence key {PREFIX}.<payload>.<signature>, got {token[:12]!r}; copy it whole")
    try:
        public.verify(_decode(parts[2]), f"{PREFIX}.{parts[1]}".encode())
        return LicenceKey(**json.loads(_decode(parts[1])))
    except InvalidSignature as error:
        raise LicenceError(
            "the licence key was not signed by this product's seller, or was changed; ask for a new one"
        ) from error
    except (binascii.Error, ValueError, TypeError) as error:
        raise LicenceError("expected a readable licence key, got a damaged one; copy it whole") from error


def _expiry(licence: LicenceKey) -> date:
    try:
        return date.fromisoformat(licence.expires)
    except ValueError as error:
        raise LicenceError(f"expected an ISO date as the end of a licence, got {licence.expires!r}") from error


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    """Refuses other spellings of the same bytes, so that one licence has one token."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _encode(data) != text:
        raise ValueError("not canonical base64url")
    return data
