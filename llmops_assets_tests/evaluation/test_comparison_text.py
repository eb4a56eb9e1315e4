import re

from llmops_assets.evaluation.comparison import compare_sides
from llmops_assets.evaluation.comparison_text import lines, page, said_differences
from llmops_assets.evaluation.intervals import paired_difference
from llmops_assets_tests.evaluation.evaluated import old_side, rows, side

A, B = {"contract": "+" * 20 + "-" * 12, "safety": "+-"}, {"contract": "-" + "+" * 30 + "-", "safety": "++"}
EVIL = '<script>alert("x")</script>'


def test_the_terminal_shows_both_files_gates_sets_flips_and_the_verdict_last() -> None:
    found = compare_sides(side("A", A), side("B", B))
    shown = lines(found)
    assert shown[0] == "TaskMaster"
    assert shown[1].startswith("A  A  ")
    assert "version 1.1.0  Q8_0  file abababababab  report BBBBBBBBBBBB  2026-11-28  gates green" in shown[2]
    gate = next(line for line in shown if line.startswith("accuracy "))
    low, high = paired_difference(1, 11, 32)
    assert gate.split() == (
        f"accuracy 0.625 0.938 +0.312 {low:+.3f} to {high:+.3f} 32 yes >= 0.85 passed passed".split()
    )
    row = next(line for line in shown if line.startswith("contract"))
    assert row.split()[-4:] == ["32", "1", "11", "0.00635"]
    assert shown[-2].startswith("B is better than A: p = 0.00635, with 32 cases")
    assert shown[-1].startswith("To see a difference of 2 points")


def test_ten_flips_each_way_are_shown_or_all_of_them() -> None:
    found = compare_sides(side("A", A), side("B", B))
    assert said_differences(found) == "Cases that differ: 1 broke, 12 mended."
    ten = lines(found)
    assert [line.split()[0] for line in ten if line.startswith(("broke", "mended"))] == ["broke"] + ["mended"] * 10
    assert "... and 2 more; --all shows them" in ten
    place = ten.index("broke contract-0 (contract)")
    assert ten[place + 1 : place + 5] == ["  asked     ask 0", "  expected  yes", "  A         yes", "  B         no"]
    every = lines(found, every=True)
    assert sum(line.startswith(("broke", "mended")) for line in every) == 13
    assert not any("--all" in line for line in every)


def test_long_prompts_are_one_short_line() -> None:
    found = compare_sides(side("A", {"contract": "+"}), side("B", {"contract": "-"}, words="\n" + "x" * 500))
    (line,) = [line for line in lines(found) if line.startswith("  B  ")]
    assert len(line) == 312
    assert line.endswith("...")


def test_nothing_is_said_of_flips_where_no_case_differs() -> None:
    found = compare_sides(side("A", A), side("B", A))
    assert sum("No case differs" in line for line in lines(found)) == 1
    reworded = compare_sides(side("A", A), side("B", A, words="!"))
    assert "No case differs; 34 more are answered in other words, as right or wrong as before." in lines(reworded)


def test_the_page_asks_nobody_escapes_and_has_light_dark_and_print() -> None:
    html = page(compare_sides(side("A", A), side("B", B, words=EVIL)))
    assert not re.search(r"""(?:src|href)=|url\(|@import|<link|<script""", html)
    assert "&lt;script&gt;" in html
    assert "prefers-color-scheme:dark" in html
    assert "@media print" in html
    assert html.count('<span class="mended">') == 12
    assert html.count('class="bar"') == 6
    assert "B is better than A" in html


def test_the_page_of_an_old_report_says_what_is_missing() -> None:
    html = page(compare_sides(old_side("A", A, {}), old_side("B", B, {})))
    assert "Of A and B only the accuracy is compared case by case" in html
    assert rows(A)[0]["asked"] not in html
