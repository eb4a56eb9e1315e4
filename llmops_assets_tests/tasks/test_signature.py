"""What is read from a function's syntax tree."""

import ast

import pytest

from llmops_assets.tasks.signature import Signature, insert_docstring, read_signature, stems


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f(a, *b, c=1, **d):\n    return a", Signature("f", ("a", "b", "c", "d"), True, False, ())),
        ("def f(self, a, _b=None):\n    self.a = a", Signature("f", ("a",), False, False, ())),
        ("def f(cls):\n    yield 1\n    return", Signature("f", (), False, True, ())),
        ("def f(a):\n    def g():\n        return 1\n    g()", Signature("f", ("a",), False, False, ())),
        ("def f(a):\n    return None", Signature("f", ("a",), False, False, ())),
        ("def f():\n    raise errors.Bad('x')", Signature("f", (), False, False, ("Bad",))),
        ("def f(e):\n    raise e", Signature("f", ("e",), False, False, ())),
        ("async def f():\n    return await g()", Signature("f", (), True, False, ())),
    ],
)
def test_signature_reads_what_a_docstring_must_say(code: str, expected: Signature) -> None:
    assert read_signature(code) == expected


DEEP = ("-" * 7900 + "1", "not " * 3000 + "a", "a + " * 1500 + "a")
"""Terms that the parser, or a walk along the tree, gives up on."""


@pytest.mark.parametrize(
    "code",
    ["x = 1", "def f(:", "def f(): pass\ndef g(): pass", "", *(f"def f(a):\n    return {term}" for term in DEEP)],
)
def test_anything_but_one_function_has_no_signature(code: str) -> None:
    assert read_signature(code) is None


@pytest.mark.parametrize("text", ["One line.", 'Two.\n\nArgs:\n    a: With """quotes""" and a \\ slash.'])
def test_an_inserted_docstring_is_the_function_s_docstring(text: str) -> None:
    code = insert_docstring("def f(a):\n  # why\n  return a", text)
    node = ast.parse(code).body[0]
    assert isinstance(node, ast.FunctionDef)
    assert (ast.get_docstring(node) or "").splitlines() == text.replace('"""', "'''").splitlines()


def test_words_are_compared_by_their_beginnings() -> None:
    assert stems("encodedPath to_the HTTPServer") == {"encod", "path", "http", "serve"}
