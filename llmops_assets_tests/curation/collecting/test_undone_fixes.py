"""One fix undone: the text that comes out, and that the linter finds just that rule in it."""

import pytest

from llmops_assets.curation.collecting.code_packages import REVIEW_TRAIN
from llmops_assets.curation.collecting.functions import SourceFunction
from llmops_assets.curation.collecting.ruff_findings import Labelled, Quotas, choose, record, with_undone
from llmops_assets.curation.collecting.undone_fixes import UNDO, undone
from llmops_assets.tasks.review_labels import label

PROVEN = {
    "mutable default": (
        "def f(a, names=None):\n    return a, names",
        "def f(a, names=[]):\n    return a, names",
    ),
    "leftover print": (
        "def f(a):\n    b = a + 1\n    return b * a",
        "def f(a):\n    b = a + 1\n    {}\n    return b * a",
    ),
    "swallowed error": (
        "def f(a):\n    try:\n        a.close()\n    except OSError as error:\n        log(error)\n        return 1",
        "def f(a):\n    try:\n        a.close()\n    except OSError as error:\n        pass",
    ),
    "catches everything": (
        "def f(a):\n    try:\n        return a.read()\n    except (OSError, ValueError):\n        return None",
        "def f(a):\n    try:\n        return a.read()\n    except Exception:\n        return None",
    ),
    "raise without from": (
        "def f(a):\n    try:\n        return a.b\n    except KeyError as e:\n        raise ValueError(a) from e",
        "def f(a):\n    try:\n        return a.b\n    except KeyError as e:\n        raise ValueError(a)",
    ),
    "global statement": (
        "def f(a):\n    cache = a\n    return cache",
        "def f(a):\n    global cache\n    cache = a\n    return cache",
    ),
    "unclear name": (
        "def f(a):\n    line = a[0]\n    return line + 1",
        "def f(a):\n    {0} = a[0]\n    return {0} + 1",
    ),
    "zip without strict": (
        "def f(a, b):\n    return dict(zip(a, b, strict=True))",
        "def f(a, b):\n    return dict(zip(a, b))",
    ),
}


def test_every_rule_that_can_be_undone_has_a_case() -> None:
    assert set(PROVEN) == set(UNDO)


@pytest.mark.parametrize("rule", PROVEN)
def test_one_fix_is_undone_and_the_linter_proves_it(rule: str) -> None:
    code, wanted = PROVEN[rule]
    texts = undone(code, rule)
    pieces = wanted.replace("{0}", "{}").split("{}")
    assert all(texts[0].find(piece) >= 0 for piece in pieces)
    assert texts[0].startswith(pieces[0])
    before, after = label([code, texts[0]])
    assert before == {"findings": []}
    assert [item["rule"] for item in after["findings"]] == [rule]


def test_code_that_gives_no_hold_is_left_alone() -> None:
    assert [undone("def f(a):\n    return a", rule) for rule in UNDO] == [[]] * len(UNDO)
    assert undone("def f(a):\n    return a", "needless else") == []


def test_a_name_inside_a_formatted_text_is_not_renamed() -> None:
    assert undone('def f(a):\n    line = a\n    return f"{line}"', "unclear name") == []


def test_missing_rules_are_made_of_clean_functions_which_then_are_gone() -> None:
    def one(number: int) -> Labelled:
        code = f"def f{number}(a, b=None):\n    c{number} = a\n    return b, c{number}"
        function = SourceFunction("a", f"a/m{number}.py", f"f{number}", code, "", False)
        return Labelled(function, {"findings": []}, REVIEW_TRAIN[0])

    quotas = Quotas({"mutable default": 3, "leftover print": 2}, 5)
    pool = with_undone([one(number) for number in range(40)], quotas)
    assert len(pool) == 40
    chosen = [record(made) for made in choose(pool, quotas)]
    assert sorted(row["category"] for row in chosen) == ["clean"] * 5 + ["leftover print"] * 2 + ["mutable default"] * 3
    assert {row["source"] for row in chosen} == {"sympy-1.14.0", "sympy-1.14.0 with a fix undone"}
