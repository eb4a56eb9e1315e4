"""Says whether a bundle is what its seller made, and names everything that is not. Runs on bare Python 3.9 or later.

    python verify.py --fresh                checks the folder it lies in, as it was unpacked: nothing was made there yet
    python verify.py                        the same later: what an installation makes there (.run, secrets) is left out
    python verify.py --key FINGERPRINT      and that it was signed by the key that the seller publishes

This file is copied into every bundle as `verify.py`, so it imports nothing of the project; `cryptography` is used where there is one.
Exit status: 0 genuine, 1 not genuine, 3 every file is right but the signature could not be checked.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

SUMS, SIGNATURE, PUBLIC_KEY = "SHA256SUMS", "SHA256SUMS.sig", "public_key.pem"
MADE_LATER = (".run/", "monitoring/secrets/")
LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
BY_HAND = f"openssl pkeyutl -verify -pubin -inkey {PUBLIC_KEY} -rawin -in {SUMS} -sigfile {SIGNATURE}"


@dataclass(frozen=True)
class Verification:
    """What was found. `signature` is `valid`, `invalid` or `unchecked`."""

    problems: tuple[str, ...]
    signature: str
    files: int

    @property
    def genuine(self) -> bool:
        """Whether every file is right and the signature was checked and holds."""
        return not self.problems and self.signature == "valid"


def check(folder: Path, expected_key: str = "", *, fresh: bool = False) -> Verification:
    """Checks an unpacked bundle.

    Args:
        folder: where `SHA256SUMS` lies.
        expected_key: fingerprint of the seller's public key (SHA-256 of the PEM file); empty: any key will do.
        fresh: nothing was installed there yet, so that every file has to be the seller's.
    """
    if not (folder / SUMS).is_file():
        return Verification((f"{SUMS}: missing",), "unchecked", 0)
    sums, problems = _read_sums(folder)
    problems += _check_files(folder, sums, () if fresh else MADE_LATER)
    signature, wrong = _check_signature(folder)
    return Verification((*problems, *wrong, *_check_key(folder, expected_key)), signature, len(sums))


def _read_sums(folder: Path) -> tuple[dict[str, str], list[str]]:
    sums: dict[str, str] = {}
    problems = []
    lines = (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        match = LINE.fullmatch(line)
        parts = match.group(2).split("/") if match else []
        if match is None or ".." in parts or "" in parts:
            problems.append(f"{SUMS}: line {number} is not a digest and a path")
        else:
            sums[match.group(2)] = match.group(1)
    return sums, problems


def _check_files(folder: Path, sums: dict[str, str], made_later: tuple[str, ...]) -> list[str]:
    problems = []
    for name, wanted in sorted(sums.items()):
        path = folder / name
        if path.is_symlink() or not path.is_file():
            problems.append(f"{name}: {'is a link' if path.is_symlink() else 'missing'}")
            continue
        found = _sha256(path)
        if found != wanted:
            problems.append(f"{name}: changed (sha256 {wanted[:12]} expected, {found[:12]} found)")
    known = {*sums, SUMS, SIGNATURE}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if (path.is_symlink() or path.is_file()) and name not in known and not name.startswith(made_later):
            problems.append(f"{name}: not part of the bundle")
    return problems


def _check_signature(folder: Path) -> tuple[str, list[str]]:
    for name in (SIGNATURE, PUBLIC_KEY):
        if not (folder / name).is_file():
            return "invalid", [f"{name}: missing, so nobody vouches for this bundle"]
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        return "unchecked", []
    try:
        key = load_pem_public_key((folder / PUBLIC_KEY).read_bytes())
        if not isinstance(key, Ed25519PublicKey):
            return "invalid", [f"{PUBLIC_KEY}: not an ed25519 key"]
        key.verify((folder / SIGNATURE).read_bytes(), (folder / SUMS).read_bytes())
    except ValueError:
        return "invalid", [f"{PUBLIC_KEY}: not a public key"]
    except InvalidSignature:
        return "invalid", [f"{SIGNATURE}: {SUMS} was not signed by {PUBLIC_KEY}"]
    return "valid", []


def _check_key(folder: Path, expected: str) -> list[str]:
    path = folder / PUBLIC_KEY
    if not expected or not path.is_file():
        return []
    found = _sha256(path)
    if found == expected.strip().lower():
        return []
    return [f"{PUBLIC_KEY}: fingerprint {found} is not the seller's {expected}"]


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Check that this bundle is what its seller made.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--key", default="", help="fingerprint that the seller publishes")
    parser.add_argument(
        "--fresh", action="store_true", help="nothing was installed here yet: every file has to be listed"
    )
    given = parser.parse_args()
    found = check(given.folder, given.key, fresh=given.fresh)
    for problem in found.problems:
        sys.stdout.write(f"WRONG  {problem}\n")
    sys.stdout.write(f"{found.files} files listed, {len(found.problems)} problems, signature {found.signature}\n")
    if found.signature == "unchecked":
        sys.stdout.write(f"The package cryptography is not here; check the signature by hand with: {BY_HAND}\n")
    if found.problems:
        return 1
    return 0 if found.genuine else 3


if __name__ == "__main__":
    raise SystemExit(main())
