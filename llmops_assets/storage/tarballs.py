"""Unpacking tar archives: files and folders below one folder, on every Python that the project runs on."""

import tarfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath


def unpack(tar: tarfile.TarFile, into: Path, members: Sequence[tarfile.TarInfo] | None = None) -> None:
    """Unpacks members, all where None.

    Python's own filter for data came with 3.11.4; before it, what the filter would refuse is refused here.

    Raises:
        tarfile.TarError: a member is neither file nor folder, or leads outside; before 3.11.4 nothing is unpacked then.
    """
    chosen = tar.getmembers() if members is None else members
    if hasattr(tarfile, "data_filter"):
        tar.extractall(into, members=chosen, filter="data")
        return
    for entry in chosen:
        path = PurePosixPath(entry.name)
        if path.is_absolute() or ".." in path.parts or not (entry.isfile() or entry.isdir()):
            raise tarfile.TarError(f"{entry.name!r} is no plain file or folder below {into.name}")
    tar.extractall(into, members=chosen)
