"""Blobs: named by their bytes, whole or not there."""

from pathlib import Path

import pytest

from llmops_assets.serving.blobs import BlobStore, CorruptBlobError, InvalidDigestError, hex_of
from llmops_assets.storage.atomic import sha256_bytes

HEX = "aB" * 32


@pytest.mark.parametrize("digest", [f"sha256:{HEX}", f"sha256-{HEX}"])
def test_a_digest_has_a_hex_part_in_lower_case(digest: str) -> None:
    assert hex_of(digest) == "ab" * 32


@pytest.mark.parametrize(
    "digest",
    [
        "",
        HEX,
        f"sha256:{HEX[:-1]}",
        f"sha256:{HEX}0",
        f"sha256:{HEX}\n",
        f"md5:{HEX}",
        f"SHA256:{HEX}",
        f"sha256:{'g' * 64}",
        "sha256:../../../../etc/passwd",
        f"sha256:{'../' * 21}x",
    ],
)
def test_what_is_no_digest_never_becomes_a_path(tmp_path: Path, digest: str) -> None:
    with pytest.raises(InvalidDigestError, match="invalid digest format"):
        BlobStore(tmp_path).path(digest)


def test_bytes_are_stored_once_under_their_digest(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    assert store.add(b"x") == store.add(b"x") == f"sha256:{sha256_bytes(b'x')}"
    assert [path.name for path in tmp_path.iterdir()] == [f"sha256-{sha256_bytes(b'x')}"]


def test_an_upload_in_pieces_is_one_blob(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    with store.upload() as upload:
        upload.write(b"ab")
        upload.write(b"c")
        digest = upload.keep()
    assert digest == f"sha256:{sha256_bytes(b'abc')}"
    assert store.verify(digest).read_bytes() == b"abc"


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    with BlobStore(tmp_path).upload() as upload:
        upload.write(b"ab")
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_bytes_that_are_not_what_the_name_says_are_found(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    digest = store.add(b"good")
    store.path(digest).write_bytes(b"evil")
    with pytest.raises(CorruptBlobError, match="upload the file again"):
        store.verify(digest)
