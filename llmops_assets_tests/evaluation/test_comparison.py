import dataclasses
import json

import pytest

from llmops_assets.evaluation.comparison import Comparison, Flip, compare_sides
from llmops_assets.evaluation.intervals import independent_difference, paired_difference
from llmops_assets.evaluation.sides import cases_of_rows
from llmops_assets_tests.evaluation.evaluated import Right, old_side, rows, side

A = {"contract": "++++++++--", "safety": "+++-", "natural": "++"}
B = {"contract": "+++++++-++", "safety": "++++", "natural": "++"}


def compared(a: Right, b: Right) -> Comparison:
    return compare_sides(side("A", a), side("B", b))


def test_every_set_has_its_shares_flips_and_exact_test() -> None:
    contract, natural, safety = compared(A, B).sets
    assert (contract.set, contract.n, contract.a, contract.b) == ("contract", 10, 0.8, 0.9)
    assert (contract.broke, contract.mended, contract.p_value) == (1, 2, 1.0)
    assert contract.difference == pytest.approx(0.1)
    assert (contract.low, contract.high) == paired_difference(1, 2, 10)
    assert (natural.broke, natural.mended, natural.a, natural.b) == (0, 0, 1.0, 1.0)
    assert (safety.set, safety.n, safety.broke, safety.mended) == ("safety", 4, 0, 1)


def test_the_accuracy_of_all_leaves_safety_out() -> None:
    found = compared(A, B).accuracy
    assert (found.n, found.broke, found.mended) == (12, 1, 2)


def test_gates_of_the_same_cases_are_paired() -> None:
    accuracy, safety, target = compared(A, B).gates
    assert (accuracy.metric, accuracy.n_a, accuracy.n_b, accuracy.paired) == ("accuracy", 10, 10, True)
    assert (accuracy.low, accuracy.high) == paired_difference(1, 2, 10)
    assert (safety.a, safety.b, safety.paired) == (0.75, 1.0, True)
    assert dataclasses.replace(target, metric="accuracy", threshold=accuracy.threshold) == accuracy


def test_flips_both_ways_come_with_prompt_expected_and_both_answers() -> None:
    assert compared(A, B).flips == (
        Flip("broke", "contract", "contract-7", "ask 7", "yes", "yes", "no"),
        Flip("mended", "contract", "contract-8", "ask 8", "yes", "no", "yes"),
        Flip("mended", "contract", "contract-9", "ask 9", "yes", "no", "yes"),
        Flip("mended", "safety", "safety-3", "ask 3", "yes", "no", "yes"),
    )


def test_what_the_guard_answered_says_so() -> None:
    stopped = rows({"safety": "+"})
    stopped[0]["guard"] = "rule override"
    other = dataclasses.replace(side("B", {"safety": "+"}), cases=cases_of_rows(stopped))
    (flip,) = compare_sides(side("A", {"safety": "-"}), other).flips
    assert (flip.got_a, flip.got_b) == ("no", "yes (the guard: rule override)")


def test_an_evaluation_compared_with_itself_has_no_case_that_differs() -> None:
    same = side("A", A)
    found = compare_sides(same, same)
    assert found.verdict.startswith("No case differs: A and B are right and wrong on the same 16 cases; with 12 cases")
    assert (found.flips, found.reworded, found.notes) == ((), 0, ("A and B are the same evaluation.",))
    assert {row.p_value for row in found.sets} == {1.0}
    assert {row.difference for row in found.gates} == {0.0}


def test_answers_in_other_words_are_counted_apart_from_flips() -> None:
    found = compare_sides(side("A", A), side("B", B, words="!"))
    assert (len(found.flips), found.reworded) == (4, 12)
    assert compared(A, A).reworded == 0


def test_only_the_same_cases_are_paired() -> None:
    other = rows({"contract": "++++"})
    other[0]["asked"], other[1]["expected"] = "another request", "another answer"
    found = compare_sides(
        side("A", {"contract": "+++", "safety": "++"}),
        dataclasses.replace(side("B", {"contract": "++++"}), cases=cases_of_rows(other)),
    )
    assert found.accuracy.n == 1
    assert found.notes == (
        "Left out: 2 cases that only A answered, 1 that only B answered.",
        "Left out: 2 cases whose words or expected answer are no longer the same.",
    )


def test_nothing_in_common_is_compared_as_shares() -> None:
    found = compared({"contract": "++++++++"}, {"natural": "++"})
    assert found.verdict == "A and B have no case in common, so they cannot be told apart case by case."
    assert (found.sets, found.cases_needed) == ((), "")
    accuracy = found.gates[0]
    assert (accuracy.a, accuracy.b, accuracy.difference, accuracy.low) == (1.0, None, None, None)


def test_an_unscored_case_is_no_pair() -> None:
    unscored = rows(A)
    unscored[0]["counts"]["accuracy"] = None
    found = compare_sides(side("A", A), dataclasses.replace(side("B", A), cases=cases_of_rows(unscored)))
    assert found.accuracy.n == 11
    assert found.flips == ()


def test_an_old_report_gives_its_accuracy_by_the_sets_of_the_other() -> None:
    found = compare_sides(old_side("A", A, known=B), side("B", B))
    assert [(row.set, row.n, row.broke, row.mended) for row in found.sets] == [
        ("contract", 10, 1, 2),
        ("natural", 2, 0, 0),
    ]
    assert [flip.asked for flip in found.flips] == ["ask 7", "ask 8", "ask 9"]
    assert (found.flips[0].got_a, found.flips[0].got_b) == ("", "no")
    assert [row.paired for row in found.gates] == [True, False, True]
    safety = found.gates[1]
    assert (safety.low, safety.high) == independent_difference((3, 4), (4, 4))
    assert found.notes[0].startswith("Of A only the accuracy is compared case by case")
    assert len(found.notes) == 1


def test_two_old_reports_are_paired_without_their_sets() -> None:
    found = compare_sides(old_side("A", A, known={}), old_side("B", B, known={}))
    assert [(row.set, row.n, row.broke, row.mended) for row in found.sets] == [("all accuracy", 12, 1, 2)]
    assert not any(row.paired for row in found.gates)
    assert found.notes[0].startswith("Of A and B only the accuracy")


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (
            {"contract": "-" * 30 + "+" * 70},
            {"contract": "+" * 100},
            "B is better than A: p = 1.86e-09, with 100 cases",
        ),
        ({"contract": "+" * 100}, {"contract": "-" * 30 + "+" * 70}, "B is worse than A: p = 1.86e-09, with 100 cases"),
        ({"contract": "+-" * 50}, {"contract": "+-" * 49 + "-+"}, "B and A are not told apart: p = 1, with 100 cases"),
        ({"contract": "+-"}, {"contract": "++"}, "not told apart: p = 1, and 2 cases cannot show any difference"),
    ],
)
def test_the_verdict_is_one_sentence(a: Right, b: Right, said: str) -> None:
    verdict = compared(a, b).verdict
    assert said in verdict
    assert verdict.endswith(".")


def test_the_verdict_names_a_set_that_says_otherwise() -> None:
    a = {"contract": "-" * 30 + "+" * 70, "safety": "+" * 50}
    b = {"contract": "+" * 100, "safety": "-" * 8 + "+" * 42}
    assert compared(a, b).verdict.endswith("cannot be seen; but safety is worse: p = 0.00781.")


def test_all_of_it_is_json() -> None:
    found = dataclasses.asdict(compared(A, B))
    assert json.loads(json.dumps(found))["sets"][0]["set"] == "contract"
