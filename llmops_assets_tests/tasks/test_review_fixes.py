"""A fix parses, removes its finding and adds none; what a person must decide has none."""

import json
from collections import Counter
from pathlib import Path

import pytest

from llmops_assets.storage.atomic import read_jsonl
from llmops_assets.tasks.code_review import code_of
from llmops_assets.tasks.review_fixes import fix, renamed
from llmops_assets.tasks.review_labels import label

RECORDS = Path(__file__).parents[2] / "data/raw/CodeReviewer/ruff_findings.jsonl"
UNDECIDED = {"catches everything", "global statement"}
CLEANUP = "def f(a):\n    try:\n        a()\n    except KeyError:\n        pass"


@pytest.mark.parametrize(
    ("rule", "line", "code", "text"),
    [
        ("assert in code", 2, "def f(a):\n    assert a is None, a\n    return 1", "    if a is not None:\n        raise AssertionError(a)"),
        ("assert in code", 2, "def f(a):\n    assert a < 1\n    return 1", "    if not a < 1:\n        raise AssertionError()"),
        ("import inside function", 2, "def f(a):\n    import json\n    return json.dumps(a)", "import json\n\n\ndef f(a):"),
        ("leftover print", 2, "def f(a):\n    print(a)\n    return a", ""),
        ("mutable default", 1, "def f(a, b=[]):\n    return b + a", "def f(a, b=None):\n    if b is None:\n        b = []"),
        ("needless else", 4, "def f(a):\n    if a:\n        return 1\n    else:\n        return 2", "    return 2"),
        ("old string formatting", 2, "def f(a):\n    b = '%s!' % a\n    return b", "    b = f'{a}!'"),
        ("raise without from", 5, "def f(a):\n    try:\n        a()\n    except KeyError:\n        raise OSError(a)",
         "    except KeyError as error:\n        raise OSError(a) from error"),
        ("raise without from", 5, "def f(a):\n    try:\n        a()\n    except KeyError as e:\n        raise OSError(e)",
         "        raise OSError(e) from e"),
        ("shadows builtin", 2, "def f(a):\n    type = a\n    return type + 1", "    type_ = a\n    return type_ + 1"),
        ("swallowed error", 4, CLEANUP, "import contextlib\ndef f(a):\n    with contextlib.suppress(KeyError):\n        a()"),
        ("unclear name", 2, "def f(a):\n    l = a\n    return l + 1", "    items = a\n    return items + 1"),
        ("unclear name", 2, "def f(items):\n    l = 'ä', items; return l", "    items_ = 'ä', items; return items_"),
        ("zip without strict", 2, "def f(a, b):\n    return list(zip(a, b))", "    return list(zip(a, b, strict=False))"),
    ],
)  # fmt: skip
def test_the_lines_that_mend_a_finding(rule: str, line: int, code: str, text: str) -> None:
    found = fix(code, line, rule)
    assert found is not None
    assert found.text == text
    assert {"line": line, "rule": rule} not in label([found.applied(code)])[0]["findings"]


@pytest.mark.parametrize(
    ("rule", "line", "code"),
    [
        ("catches everything", 4, "def f(a):\n    try:\n        return a()\n    except Exception:\n        return a"),
        ("global statement", 2, "def f(a):\n    global total\n    total = a"),
        ("shadows builtin", 1, "def f(type):\n    return type + 1"),
        ("unclear name", 3, "def f(a):\n    class A:\n        l = 1\n    return A.l + a"),
        ("unclear name", 2, "def f(a):\n    l = a\n    return f'{l}'"),
        ("leftover print", 2, "def f(a):\n    return a"),
        ("leftover print", 1, "def f(a):\n    print(a)\n    return a"),
    ],
)
def test_what_a_person_must_decide_and_what_is_no_finding_has_no_fix(rule: str, line: int, code: str) -> None:
    assert fix(code, line, rule) is None


def test_fixes_of_real_code_remove_their_finding_and_add_none() -> None:
    mended: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for row in read_jsonl(RECORDS)[::7]:
        code, before = code_of(row["messages"][0]["content"]), json.loads(row["messages"][1]["content"])["findings"]
        for found in before:
            if tried[found["rule"]] < 3:
                tried[found["rule"]] += 1
                replacement = fix(code, found["line"], found["rule"])
                mended[found["rule"]] += replacement is not None
                if replacement:
                    left = Counter(one["rule"] for one in label([replacement.applied(code)])[0]["findings"])
                    assert left <= Counter(one["rule"] for one in before) - Counter([found["rule"]])
    assert set(tried.values()) == {3}
    assert len(tried) == 13
    assert {rule for rule in tried if not mended[rule]} <= UNDECIDED | {"shadows builtin", "swallowed error"}


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("def f(id, key):\n    'ä'; return id", "def f(key_, key):\n    'ä'; return key_"),
        ("def f(id: int = 1):\n    return g(id=id)", "def f(key: int = 1):\n    return g(id=key)"),
        ("async def f(*id):\n    return [id for id in id]", "async def f(*key):\n    return [key for key in key]"),
        ("def f(id):\n    return f'{id}'", ""),
        ("def f(id):\n    return lambda id: id", ""),
        ("def f(id):\n    def g():\n        return id\n    return g", ""),
        ("def f():\n    global id\n    id = 1", ""),
    ],
)
def test_a_name_is_changed_everywhere_or_nowhere(code: str, text: str) -> None:
    assert renamed(code, "id", "key") == text
