"""Packing and unpacking."""

import io
import tarfile
import time
from pathlib import Path

import pytest

from llmops_assets.errors import PackagingError
from llmops_assets.productization.archive import safe_extract, write_archive


def made_folder(root: Path) -> Path:
    folder = root / "thing-1.0.0"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/run.sh").write_text("#!/bin/sh\n")
    (folder / "a.txt").write_text("a")
    return folder


def test_two_archives_of_one_content_are_the_same_bytes(tmp_path: Path) -> None:
    one = write_archive(made_folder(tmp_path / "x"), tmp_path / "one.tar.gz", 1_700_000_000)
    time.sleep(1.1)
    two = write_archive(made_folder(tmp_path / "y"), tmp_path / "two.tar.gz", 1_700_000_000)
    assert one.read_bytes() == two.read_bytes()


def test_entries_carry_no_trace_of_who_packed_them(tmp_path: Path) -> None:
    archive = write_archive(made_folder(tmp_path), tmp_path / "one.tar.gz", 1_700_000_000)
    with tarfile.open(archive) as tar:
        entries = {entry.name: entry for entry in tar}
    assert list(entries) == ["thing-1.0.0/a.txt", "thing-1.0.0/sub/run.sh"]
    assert {(entry.uid, entry.gid, entry.uname, entry.mtime) for entry in entries.values()} == {
        (0, 0, "", 1_700_000_000)
    }
    assert [entry.mode for entry in entries.values()] == [0o644, 0o755]


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    archive = write_archive(made_folder(tmp_path), tmp_path / "one.tar.gz", 0)
    root = safe_extract(archive, tmp_path / "new")
    assert (root.name, (root / "a.txt").read_text()) == ("thing-1.0.0", "a")


def evil(path: Path, name: str, kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("thing/good.txt"), io.BytesIO())
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd"
        tar.addfile(entry, io.BytesIO())
    return path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("/tmp/absolute", tarfile.REGTYPE),
        ("thing/../../outside", tarfile.REGTYPE),
        ("..", tarfile.DIRTYPE),
        ("thing\\..\\outside", tarfile.REGTYPE),
        ("thing/link", tarfile.SYMTYPE),
        ("thing/hard", tarfile.LNKTYPE),
        ("thing/device", tarfile.CHRTYPE),
        ("thing/pipe", tarfile.FIFOTYPE),
        ("second/file", tarfile.REGTYPE),
    ],
)
def test_a_hostile_archive_unpacks_nothing(tmp_path: Path, name: str, kind: bytes) -> None:
    archive = evil(tmp_path / "evil.tar.gz", name, kind)
    with pytest.raises(PackagingError, match="expected"):
        safe_extract(archive, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("cut", [0, 10, 60])
def test_a_cut_archive_is_refused(tmp_path: Path, cut: int) -> None:
    archive = write_archive(made_folder(tmp_path), tmp_path / "one.tar.gz", 0)
    archive.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(PackagingError, match="fetch it again"):
        safe_extract(archive, tmp_path / "new")
