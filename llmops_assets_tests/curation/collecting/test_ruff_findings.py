"""CodeReviewer's records: a balanced choice of labelled functions."""

from llmops_assets.curation.collecting.code_packages import REVIEW_TRAIN
from llmops_assets.curation.collecting.functions import SourceFunction
from llmops_assets.curation.collecting.ruff_findings import Labelled, Quotas, case, choose, fits, record

CARRIER = REVIEW_TRAIN[0]


def labelled(number: int, rule: str = "", package: str = "a", module: str = "") -> Labelled:
    code = f"def f{number}(a):\n    print(a)\n    return a"
    review = {"findings": [{"line": 2, "rule": rule}]} if rule else {"findings": []}
    function = SourceFunction(package, module or f"{package}/m{number}.py", f"f{number}", code, "", False)
    return Labelled(function, review, CARRIER)


def test_rules_are_capped_and_clean_functions_kept() -> None:
    pool = [labelled(n, "leftover print") for n in range(30)] + [labelled(n) for n in range(100, 130)]
    chosen = choose(pool, Quotas({"leftover print": 10}, 6))
    assert sum(bool(one.rules) for one in chosen) == 10
    assert sum(not one.rules for one in chosen) == 6


def test_no_package_fills_a_rule_where_others_can() -> None:
    pool = [labelled(n, "leftover print", "big") for n in range(50)]
    pool += [labelled(n, "leftover print", f"small{n}") for n in range(100, 106)]
    chosen = choose(pool, Quotas({"leftover print": 8}, 0))
    assert sum(one.function.package == "big" for one in chosen) == 2


def test_one_module_gives_only_a_few() -> None:
    pool = [labelled(n, "leftover print", "a", "a/one.py") for n in range(50)]
    assert len(choose(pool, Quotas({"leftover print": 40}, 0))) == 12


def test_the_order_of_the_pool_changes_nothing() -> None:
    pool = [labelled(n, "leftover print" if n % 2 else "") for n in range(40)]
    quotas = Quotas({"leftover print": 5}, 5)
    assert choose(pool, quotas) == choose(pool[::-1], quotas)


def test_records_and_cases_share_everything_but_the_answer() -> None:
    one = labelled(1, "leftover print")
    row, held_out = record(one), case(one)
    assert row["messages"][1]["content"] == '{"findings":[{"line":2,"rule":"leftover print"}]}'
    assert held_out["messages"] == row["messages"][:1]
    assert held_out["expected"] == one.review
    assert row["id"] == held_out["id"]
    assert (row["category"], row["composed"], row["source"]) == ("leftover print", False, "sympy-1.14.0")


def test_long_functions_do_not_fit() -> None:
    assert fits(labelled(1).function)
    assert not fits(SourceFunction("a", "a.py", "f", "def f():\n    return 1", "", False))
    assert not fits(SourceFunction("a", "a.py", "f", "def f():\n" + "    g()\n" * 18, "", False))
