"""The mended twin of a broken function: what comes out, that the linter finds nothing in it, and that both become records."""

import pytest

from llmops_assets.curation.collecting.carriers import Carrier
from llmops_assets.curation.collecting.functions import SourceFunction
from llmops_assets.curation.collecting.mended_findings import OTHER_NAMES, mended
from llmops_assets.curation.collecting.ruff_findings import Labelled, Quotas, record, with_twins
from llmops_assets.tasks.review_labels import label

CARRIER = Carrier("sympy", "1.14.0", "", "BSD-3-Clause", "SymPy")
CLEANUP = "def f(a):\n    try:\n        a()\n    except KeyError:\n        pass"


@pytest.mark.parametrize(
    ("rule", "line", "code", "twin"),
    [
        ("shadows builtin", 1, "def f(id, a):\n    return len(a) + id", "def f(key, a):\n    return len(a) + key"),
        ("shadows builtin", 2, "def f(a):\n    sum = len(a)\n    return sum", "def f(a):\n    total = len(a)\n    return total"),
        ("shadows builtin", 1, "def f(id):\n    return f'{id}'", ""),
        ("import inside function", 2, "def f(a):\n    import json\n    return json.dumps(a)", "def f(a):\n    return json.dumps(a)"),
        ("swallowed error", 4, CLEANUP, "def f(a):\n    with contextlib.suppress(KeyError):\n        a()"),
        ("leftover print", 2, "def f(a):\n    print(a)\n    return a", "def f(a):\n    return a"),
        ("global statement", 2, "def f(a):\n    global total\n    total = a", ""),
    ],
)  # fmt: skip
def test_the_twin_of_a_function(rule: str, line: int, code: str, twin: str) -> None:
    assert mended(code, line, rule) == twin
    if twin:
        assert label([twin]) == [{"findings": []}]


def test_where_a_fix_was_undone_the_twin_is_what_stood_before() -> None:
    assert mended("def f(a=[]):\n    return a", 1, "mutable default", "def f(a=None):\n    return a").endswith(
        "None):\n    return a"
    )


def test_no_other_name_is_a_builtin() -> None:
    assert label([f"def f({name}):\n    return {name}" for name in OTHER_NAMES.values()]) == [{"findings": []}] * len(
        OTHER_NAMES
    )


def test_twins_stand_beside_what_they_mend_as_many_as_are_wanted() -> None:
    codes = [f"def f{number}(a):\n    b = a + {number}\n    print(b)\n    return b" for number in range(6)]
    chosen = [
        Labelled(SourceFunction("sympy", "sympy/a.py", "f", code, "", False), review, CARRIER)
        for code, review in zip(codes, label(codes), strict=True)
    ]
    found = with_twins(chosen, Quotas({"leftover print": 6}, 0, twins=2))
    twins = [record(one) for one in found if one.mended]
    assert len(found) == 8
    assert {row["source"] for row in twins} == {"sympy-1.14.0 with a finding mended"}
    assert {row["messages"][1]["content"] for row in twins} == {'{"findings":[]}'}
    assert {row["group"] for row in twins} == {"sympy/a.py"}
