"""Archives that are the same bytes whoever makes them, and unpacking that trusts nobody."""

import gzip
import tarfile
from pathlib import Path, PurePosixPath

from llmops_assets.errors import PackagingError
from llmops_assets.storage import atomic
from llmops_assets.storage.tarballs import unpack

GZIP_LEVEL = 6


def write_archive(folder: Path, archive: Path, epoch: int) -> Path:
    """Packs `folder` under its own name: sorted, owned by nobody, all times at `epoch`; written aside and renamed."""
    aside = archive.with_name(f".{archive.name}.part")
    try:
        with (
            aside.open("wb") as raw,
            gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for path in atomic.files_in(folder):
                _add(tar, path, f"{folder.name}/{path.relative_to(folder).as_posix()}", epoch)
        aside.replace(archive)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise PackagingError(
            f"expected to write {archive}, got: {error.strerror}; free the disk or fix its rights"
        ) from error
    atomic.sync_folder(archive.parent)
    return archive


def _add(tar: tarfile.TarFile, path: Path, name: str, epoch: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime = path.stat().st_size, epoch
    entry.mode = 0o755 if path.suffix == ".sh" else 0o644
    with path.open("rb") as file:
        tar.addfile(entry, file)


def safe_extract(archive: Path, into: Path) -> Path:
    """Unpacks plain files and folders only, all below `into`, and returns the one folder that was in it.

    Raises:
        PackagingError: the archive is cut, or an entry is a link, a device, or leads outside; nothing is unpacked then.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            entries = tar.getmembers()
            for entry in entries:
                _refuse_unsafe(entry, archive)
            top = {PurePosixPath(entry.name).parts[0] for entry in entries}
            if len(top) != 1:
                raise PackagingError(f"expected one folder in {archive.name}, got {len(top)}; it is no bundle")
            into.mkdir(parents=True, exist_ok=True)
            unpack(tar, into, entries)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise PackagingError(f"expected a whole .tar.gz in {archive}, got: {error}; fetch it again") from error
    return into / top.pop()


def _refuse_unsafe(entry: tarfile.TarInfo, archive: Path) -> None:
    path = PurePosixPath(entry.name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in entry.name:
        raise PackagingError(
            f"expected paths below the bundle in {archive.name}, got {entry.name!r}; do not use this archive"
        )
    if not (entry.isfile() or entry.isdir()):
        raise PackagingError(
            f"expected files only in {archive.name}, got a link or device {entry.name!r}; do not use it"
        )
