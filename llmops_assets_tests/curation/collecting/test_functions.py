"""Functions out of source text."""

from pathlib import Path

from llmops_assets.curation.collecting.functions import functions_in, functions_of

SOURCE = '''
class Box:
    @property
    def size(self) -> int:
        """Its size.

        In cm.
        """

        return self._size

def noted(a):
    return a  # noqa

def only_said():
    """Nothing but words."""

def outer(a):
    def inner(b):
        return b
    return inner(a)
'''


def test_functions_come_dedented_without_docstring_decorator_and_empty_lines() -> None:
    found = {one.name: one for one in functions_of(SOURCE, "box", "box/core.py")}
    assert found["size"].code == "def size(self) -> int:\n    return self._size"
    assert found["size"].docstring == "Its size.\n\nIn cm."
    assert found["size"].decorated
    assert found["size"].group == "box/core.py"
    assert found["size"].lines == 2
    assert set(found) == {"size", "outer", "inner"}


def test_tests_other_packages_and_broken_modules_are_left_out(tmp_path: Path) -> None:
    for path in ("box/core.py", "box/tests/test_core.py", "other/core.py", "box/_vendor/x.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("def f(a):\n    return a\n")
    (tmp_path / "box/broken.py").write_text("def f(:\n")
    assert [one.module for one in functions_in(tmp_path, "box")] == ["box/core.py"]
