import subprocess
import sys
from pathlib import Path

import pytest

from llmops_assets.storage import growing_files


@pytest.mark.parametrize(
    ("limit", "left"),
    [(35, "".join(f"line {number}\n" for number in range(5))), (20, "line 3\nline 4\n"), (34, "line 3\nline 4\n")],
    ids=["as long as it may be", "too long", "one byte too long"],
)
def test_whole_lines_of_the_end_stay_of_a_file_that_is_too_long(tmp_path: Path, limit: int, left: str) -> None:
    path = tmp_path / "server.log"
    path.write_text("".join(f"line {number}\n" for number in range(5)))
    told = growing_files.excess(path, limit, 15)
    gone = growing_files.cut(path, limit, 15)
    assert path.read_text() == left
    assert gone == 35 - len(left)
    assert bool(told) == bool(gone)


def test_who_has_it_open_to_append_goes_on_behind_what_stayed(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    said = "import sys; print('x' * 99, flush=True); sys.stdin.readline(); print('after', flush=True)"
    with path.open("ab") as log:
        writer = subprocess.Popen([sys.executable, "-c", said], stdin=subprocess.PIPE, stdout=log)
    while path.stat().st_size < 100:
        assert writer.poll() is None
    assert growing_files.cut(path, 50, 10) == 100
    writer.communicate(b"go on\n")
    assert path.read_text() == "after\n"
