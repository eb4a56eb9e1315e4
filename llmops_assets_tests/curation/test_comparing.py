from typing import Any

from llmops_assets.curation.comparing import compare_datasets, describe


def row(name: str, text: str) -> dict[str, Any]:
    return {"id": name, "messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "{}"}]}


OLD = {"train": [row("a", "call Ana"), row("b", "call Bo"), row("c", "call Cy")], "validation": [row("d", "call Di")]}
NEW = {"train": [row("a", "call Ana"), row("b", "ring Bo"), row("d", "call Di")], "validation": [row("e", "call Ed")]}


def test_each_record_is_the_same_or_changed_in_one_way() -> None:
    diff = compare_datasets(OLD, NEW)
    assert [(change.kind, change.id, change.split) for change in diff.changes] == [
        ("added", "e", "validation"),
        ("removed", "c", "train"),
        ("moved", "d", "validation -> train"),
        ("changed", "b", "train"),
    ]
    assert diff.same == 1


def test_a_version_is_the_same_as_itself() -> None:
    diff = compare_datasets(OLD, OLD)
    assert (diff.changes, diff.same) == ((), 4)


def test_the_lines_count_and_show_words_before_and_after() -> None:
    lines = describe(compare_datasets(OLD, NEW))
    assert lines[:5] == ["     1 added", "     1 removed", "     1 moved", "     1 changed", "     1 the same"]
    assert "    - call Bo | {}" in lines
    assert "    + ring Bo | {}" in lines
    assert "  moved d (validation -> train)" in lines


def test_many_changes_are_shown_in_part_and_long_words_are_cut() -> None:
    diff = compare_datasets({}, {"train": [row(f"r{n:02}", "long " * 100) for n in range(9)]})
    lines = describe(diff, most=2)
    assert lines[-1] == "  ... and 7 more added"
    assert max(map(len, lines)) < 170
