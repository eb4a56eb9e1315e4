"""The same archives are unpacked and refused with and without Python's own filter."""

import io
import tarfile
from pathlib import Path

import pytest

from llmops_assets.storage.tarballs import unpack


def archive(path: Path, name: str, kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w") as tar:
        for entry, data in ((tarfile.TarInfo("top/first"), b"1"), (tarfile.TarInfo(name), b"22")):
            if entry.name == name:
                entry.type, entry.linkname = kind, "../../outside"
            entry.size = len(data) if entry.isfile() else 0
            tar.addfile(entry, io.BytesIO(data))
    return path


@pytest.fixture(params=["with the filter", "without it"])
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "without it":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    return str(request.param)


def test_files_are_unpacked(python: str, tmp_path: Path) -> None:
    with tarfile.open(archive(tmp_path / "a.tar", "top/sub/second")) as tar:
        unpack(tar, tmp_path / "all")
        unpack(tar, tmp_path / "one", tar.getmembers()[:1])
    assert (tmp_path / "all/top/sub/second").read_bytes() == b"22"
    assert [path.name for path in (tmp_path / "one").rglob("*") if path.is_file()] == ["first"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("../second", tarfile.REGTYPE), ("top/link", tarfile.SYMTYPE), ("top/pipe", tarfile.FIFOTYPE)],
)
def test_what_leads_outside_or_is_no_file_is_refused(python: str, tmp_path: Path, name: str, kind: bytes) -> None:
    with tarfile.open(archive(tmp_path / "a.tar", name, kind)) as tar, pytest.raises(tarfile.TarError):
        unpack(tar, tmp_path / "into")
    assert not (tmp_path / "second").exists()
