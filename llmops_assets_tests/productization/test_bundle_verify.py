"""A bundle that was touched is found out, and the finding has a name."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from llmops_assets.productization.archive import write_archive
from llmops_assets.productization.bundle_verify import check
from llmops_assets.productization.packaging import BundleResult, verify
from llmops_assets.productization.signing import fingerprint, public_pem
from llmops_assets.storage import atomic


def test_a_fresh_bundle_is_genuine(bundle: BundleResult, key: Ed25519PrivateKey) -> None:
    found = verify(bundle.archive, fingerprint(public_pem(key.public_key())))
    assert (found.problems, found.signature, found.genuine) == ((), "valid", True)


def test_every_single_file_is_guarded(tree: Path) -> None:
    for path in atomic.files_in(tree):
        name, data = path.relative_to(tree).as_posix(), path.read_bytes()
        path.write_bytes(data + b"x")
        touched = check(tree)
        path.unlink()
        removed = check(tree)
        path.write_bytes(data)
        for found in (touched, removed):
            assert not found.genuine
            assert any(problem.startswith(f"{name}:") for problem in found.problems), (name, found.problems)
    assert check(tree).genuine


def test_a_file_that_was_added_is_named(tree: Path) -> None:
    (tree / "runtime/httpx.py").write_text("evil = 1")
    assert check(tree).problems == ("runtime/httpx.py: not part of the bundle",)


def test_what_the_buyer_makes_there_is_no_problem(tree: Path) -> None:
    for name in (".run/server.log", "monitoring/secrets/slack_webhook"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("x")
    assert check(tree).genuine


def test_in_a_fresh_archive_nothing_is_left_out(tree: Path, tmp_path: Path) -> None:
    (tree / ".run/models").mkdir(parents=True)
    (tree / ".run/models/blob").write_text("another model")
    assert verify(write_archive(tree, tmp_path / "again.tar.gz", 0)).problems == (
        ".run/models/blob: not part of the bundle",
    )
    assert (run_verify(tree).returncode, run_verify(tree, after=("--fresh",)).returncode) == (0, 1)


def test_a_link_in_place_of_a_file_is_named(tree: Path) -> None:
    (tree / "LICENSE").rename(tree.parent / "LICENSE")
    (tree / "LICENSE").symlink_to(tree.parent / "LICENSE")
    assert "LICENSE: is a link" in check(tree).problems


def test_digests_rewritten_to_match_do_not_match_the_signature(tree: Path) -> None:
    (tree / "PRICING.md").write_text("free\n")
    sums = (tree / "SHA256SUMS").read_text().splitlines()
    new = [
        f"{atomic.sha256_file(tree / 'PRICING.md')}  PRICING.md" if line.endswith("  PRICING.md") else line
        for line in sums
    ]
    (tree / "SHA256SUMS").write_text("\n".join(new) + "\n")
    found = check(tree)
    assert (found.signature, found.genuine) == ("invalid", False)
    assert found.problems == ("SHA256SUMS.sig: SHA256SUMS was not signed by public_key.pem",)


def test_a_bundle_signed_anew_by_somebody_else_has_the_wrong_fingerprint(tree: Path, key: Ed25519PrivateKey) -> None:
    thief = Ed25519PrivateKey.generate()
    (tree / "public_key.pem").write_bytes(public_pem(thief.public_key()))
    sums = [
        f"{atomic.sha256_file(path)}  {path.relative_to(tree).as_posix()}\n"
        for path in atomic.files_in(tree)
        if path.name not in ("SHA256SUMS", "SHA256SUMS.sig")
    ]
    (tree / "SHA256SUMS").write_text("".join(sums))
    (tree / "SHA256SUMS.sig").write_bytes(thief.sign((tree / "SHA256SUMS").read_bytes()))
    assert check(tree).signature == "valid"
    found = check(tree, fingerprint(public_pem(key.public_key())))
    assert not found.genuine
    assert "is not the seller's" in found.problems[0]


@pytest.mark.parametrize("line", ["nonsense", f"{'0' * 64}  ../outside", f"{'0' * 64}  /etc/passwd"])
def test_a_line_that_is_no_digest_is_named(tree: Path, line: str) -> None:
    with (tree / "SHA256SUMS").open("a") as file:
        file.write(line + "\n")
    assert any("is not a digest and a path" in problem for problem in check(tree).problems)


def test_a_folder_that_is_no_bundle_is_not_genuine(tmp_path: Path) -> None:
    assert check(tmp_path).problems == ("SHA256SUMS: missing",)


def run_verify(tree: Path, *options: str, after: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options, str(tree / "verify.py"), *after]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


def test_the_buyers_command_says_the_same(tree: Path) -> None:
    assert run_verify(tree).returncode == 0
    (tree / "README.md").write_text("x")
    found = run_verify(tree)
    assert (found.returncode, "README.md: changed" in found.stdout) == (1, True)


def test_without_cryptography_it_says_what_it_could_not_check(tree: Path) -> None:
    found = run_verify(tree, "-S")
    assert (found.returncode, "openssl pkeyutl" in found.stdout) == (3, True)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_signature_can_be_checked_by_openssl(shared_tree: Path) -> None:
    from llmops_assets.productization.bundle_verify import BY_HAND

    found = subprocess.run(BY_HAND.split(), cwd=shared_tree, capture_output=True, text=True, check=False)
    assert "Signature Verified Successfully" in found.stdout


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_the_digests_can_be_checked_by_sha256sum(shared_tree: Path) -> None:
    assert (
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=shared_tree, check=False).returncode == 0
    )
