"""Where the project's key comes from."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from llmops_assets.errors import PackagingError
from llmops_assets.productization.signing import KEY_FILE, VARIABLE, public_pem, signing_key


@pytest.fixture(autouse=True)
def _no_key_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public(key: Ed25519PrivateKey) -> bytes:
    return public_pem(key.public_key())


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    first = signing_key(tmp_path)
    assert public(signing_key(tmp_path)) == public(first)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_builds_that_start_together_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: public(signing_key(tmp_path)), range(16)))
    assert len(keys) == 1


def test_the_environment_may_hold_the_key_or_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = Ed25519PrivateKey.generate()
    (tmp_path / "given.pem").write_bytes(pem(given))
    for value in (pem(given).decode(), str(tmp_path / "given.pem")):
        monkeypatch.setenv(VARIABLE, value)
        assert public(signing_key(tmp_path / "state")) == public(given)
    assert not (tmp_path / "state").exists()


def test_what_is_no_ed25519_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for value in (other.decode(), "-----BEGIN nothing", str(tmp_path / "missing.pem")):
        monkeypatch.setenv(VARIABLE, value)
        with pytest.raises(PackagingError, match="expected"):
            signing_key(tmp_path)
