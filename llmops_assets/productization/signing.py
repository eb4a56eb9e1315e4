"""The project's ed25519 key: signs bundles. From LLMOPS_SIGNING_KEY (PEM text or a path), or made once and kept."""

import os
import tempfile
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from llmops_assets.errors import PackagingError
from llmops_assets.storage import atomic

VARIABLE = "LLMOPS_SIGNING_KEY"
KEY_FILE = "signing_key.pem"


def signing_key(state: Path) -> Ed25519PrivateKey:
    """The key in LLMOPS_SIGNING_KEY, or the project's own one in `state`, made (mode 0600) where there is none.

    Raises:
        PackagingError: what is given is no ed25519 private key in PEM form.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if given.startswith("-----BEGIN"):
        return _read(given.encode(), VARIABLE)
    if given:
        return _read_file(Path(given))
    path = state / KEY_FILE
    if not path.exists():
        _make(path)
    return _read_file(path)


def public_pem(key: Ed25519PublicKey) -> bytes:
    """The public key as it lies in a bundle."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def fingerprint(pem: bytes) -> str:
    """What a seller publishes, so that a buyer can tell whose key it is: the SHA-256 of the PEM file."""
    return atomic.sha256_bytes(pem)


def _read_file(path: Path) -> Ed25519PrivateKey:
    try:
        return _read(path.read_bytes(), str(path))
    except OSError as error:
        raise PackagingError(
            f"expected a signing key at {path}, got: {error.strerror}; set {VARIABLE} right"
        ) from error


def _read(pem: bytes, where: str) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PackagingError(f"expected an ed25519 private key in PEM form in {where}, got something else") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise PackagingError(f"expected an ed25519 private key in {where}, got another kind of key")
    return key


def _make(path: Path) -> None:
    """Written aside and linked into place: of two processes that start together, both then read the same key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(aside)
    except FileExistsError:
        return
    finally:
        Path(aside).unlink()
