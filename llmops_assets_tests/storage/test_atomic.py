import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.errors import StoreError
from llmops_assets.storage import atomic


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = atomic.write_text(tmp_path / "value.json", "old")
    with pytest.raises(StoreError, match=r"^expected to write .*below/x, got: "):
        atomic.write_text(path / "below" / "x", "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import resource
        from pathlib import Path
        from llmops_assets.storage import atomic
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            atomic.write_bytes(Path({str(tmp_path)!r}) / "big.bin", b"x" * 5000)
        except Exception as error:
            print(type(error).__name__, str(error))
        """
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("StoreError expected to write")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["two\u2028lines", "next\u0085line", "page\x0cbreak", "\u00fcml\u00e4ut", 'quo"te\nnew']
)
def test_rows_come_back_as_they_were_written(tmp_path: Path, text: str) -> None:
    rows = [{"text": text}, {"text": "plain"}]
    assert atomic.read_jsonl(atomic.write_jsonl(tmp_path / "rows.jsonl", rows)) == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}\n{"a"\n', "expected JSON in line 2 of .*rows.jsonl, got: "),
        (b'{"a": 1}\n\n3\n', "expected a JSON object in line 3 of .*rows.jsonl, got a int"),
        (b'{"a": "\xe9"}\n', "expected UTF-8 in line 1 of .*rows.jsonl, got byte 0xe9 at 7; save it as UTF-8"),
    ],
    ids=["cut line", "no object", "wrong encoding"],
)
def test_a_bad_line_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "rows.jsonl").write_bytes(content)
    with pytest.raises(StoreError, match=f"^{message}"):
        atomic.read_jsonl(tmp_path / "rows.jsonl")


@pytest.mark.parametrize("read", [atomic.read_json, atomic.read_jsonl])
def test_a_missing_file_says_what_writes_it(tmp_path: Path, read: Any) -> None:
    with pytest.raises(StoreError, match="found none; run the stage that writes it"):
        read(tmp_path / "none")
    with pytest.raises(StoreError, match=r"expected to read .*, got: Is a directory"):
        read(tmp_path)


def test_the_disk_is_found_behind_other_errors() -> None:
    def fail() -> None:
        try:
            raise OSError(28, "No space left on device")
        except OSError as error:
            raise RuntimeError("could not save") from error

    with pytest.raises(RuntimeError) as caught:
        fail()
    assert atomic.disk_problem(caught.value) == "No space left on device"
    assert (
        atomic.disk_problem(ValueError("I/O error: No space left on device (os error 28)")) == "no space left on device"
    )
    assert atomic.disk_problem(FileNotFoundError(2, "No such file")) == ""
    assert atomic.disk_problem(json.JSONDecodeError("bad", "x", 0)) == ""
