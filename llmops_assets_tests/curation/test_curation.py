import json
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.curation import stage
from llmops_assets.curation.cleaning import clean, normalise, schema_problem
from llmops_assets.curation.contamination import CaseIndex
from llmops_assets.curation.formats import read_files
from llmops_assets.curation.records import Record
from llmops_assets.curation.redaction import redact
from llmops_assets.curation.splitting import split
from llmops_assets.errors import DataError
from llmops_assets.recipes.data import DataConfig
from llmops_assets.storage.atomic import read_jsonl, tree_digest, write_jsonl
from llmops_assets.tasks.registry import get_task

CONFIG = DataConfig(raw_data_path="raw", output_path="out", preference_pairs=12)
LISTED = '{"action":"list"}'


def record(user: str, answer: str = LISTED, name: str = "", **changed: Any) -> Record:
    turns = ({"role": "user", "content": user}, {"role": "assistant", "content": answer})
    given = {"source": "s", "license": "MIT", "group": name or user, "category": "list", "composed": False, **changed}
    return Record(id=name or user, messages=turns, **given)


def words(text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
        {"instruction": "q", "input": "", "output": "a"},
        {"prompt": "q", "completion": "a"},
    ],
)
def test_four_forms_become_one(tmp_path: Path, row: dict[str, Any]) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [row])
    records, rejected = read_files([tmp_path / "rows.jsonl"], "TaskMaster")
    assert [turn["content"] for turn in records[0].messages] == ["q", "a"]
    assert rejected == []


def test_bad_lines_go_to_quarantine_with_file_line_and_rule(tmp_path: Path) -> None:
    good = json.dumps({"prompt": "q", "completion": "a"}).encode()
    (tmp_path / "x.jsonl").write_bytes(
        b"\n".join([good, b'{"prompt": "cut', b"\xff\xfe", b"[1]", b'{"text": "q"}', b""])
    )
    records, rejected = read_files([tmp_path / "x.jsonl"], "TaskMaster")
    assert len(records) == 1
    assert [(row.rule, row.where) for row in rejected] == [
        ("json", "x.jsonl:2"),
        ("encoding", "x.jsonl:3"),
        ("form", "x.jsonl:4"),
        ("form", "x.jsonl:5"),
    ]


def test_nothing_to_read_is_an_error_that_names_the_product(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="TaskMaster"):
        read_files([], "TaskMaster")
    (tmp_path / "x.jsonl").write_text("not json\n")
    with pytest.raises(DataError, match="none that can be read"):
        read_files([tmp_path / "x.jsonl"], "TaskMaster")


@pytest.mark.parametrize(
    ("roles", "valid"),
    [
        ("user assistant", True),
        ("system user assistant", True),
        ("user assistant tool assistant", True),
        ("user assistant user assistant", True),
        ("assistant user assistant", False),
        ("user user assistant", False),
        ("user assistant user", False),
        ("user system assistant", False),
        ("user", False),
        ("user robot", False),
    ],
)
def test_turns_alternate(roles: str, valid: bool) -> None:
    assert (schema_problem([{"role": role, "content": "x"} for role in roles.split()]) == "") is valid


def test_an_empty_turn_is_no_turn() -> None:
    assert schema_problem([{"role": "user", "content": " "}, {"role": "assistant", "content": "x"}])


def test_text_is_mended_and_kept() -> None:
    assert normalise("caf\u00c3\u00a9\u200b  x \r\nnext") == "café  x\nnext"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("write to ana.b@example.co.uk today", ["email"]),
        ("call +44 20 7946 0958", ["phone"]),
        ("card 4111 1111 1111 1111", ["card"]),
        ("order 1234 5678 9012 3456", []),
        ("key sk-abcdefghijklmnopqrst", ["secret"]),
        ("ping 8.8.8.8 and 127.0.0.1", ["ip"]),
        ("version 1.2.3 on 12.04.2026 at 17:30, ticket 4711", []),
        ("dentist 3pm", []),
    ],
)
def test_secrets_and_personal_data_are_replaced(text: str, kinds: list[str]) -> None:
    redacted, found = redact(text)
    assert found == kinds
    assert all(f"[{kind.upper()}]" in redacted for kind in kinds)
    assert redact(redacted)[1] == []


def test_an_allowed_kind_stays() -> None:
    assert redact("a@b.com", allowed=("email",)) == ("a@b.com", [])


def test_every_record_ends_in_one_place_and_the_counts_add_up() -> None:
    rows = [
        record("show my tasks for today please", name="a"),
        record("Show my tasks  for today please", name="b"),
        record("show my tasks for today pleasee", name="c"),
        record("show my tasks for today pleasee", '{"action":"none"}', name="d"),
        record("task 41 is done", '{"action":"complete","task":"41"}', name="e"),
        record("task 42 is done", '{"action":"complete","task":"42"}', name="f"),
        record("ich möchte bitte alle meine Aufgaben für die nächste Woche sehen und danach schlafen gehen", name="g"),
        record("please remind me to buy some more milk and bread " * 40, name="h"),
    ]
    found = clean(rows, CONFIG, words)
    assert [kept.id for kept in found.kept] == ["a", "d", "e", "f"]
    assert {row.where: row.rule for row in found.rejected} == {
        "b": "exact_duplicate",
        "c": "near_duplicate",
        "g": "language",
        "h": "length",
    }
    assert found.funnel["read"] == found.funnel["kept"] + len(found.rejected)


def test_a_split_is_stable_when_data_grow_and_groups_stay_together() -> None:
    few = [record(f"task {n}", name=str(n), group=f"g{n // 3}") for n in range(120)]
    many = few + [record(f"more {n}", name=f"m{n}") for n in range(200)]
    small, large = split(few, 0.8), split(many, 0.8)
    assert {row.id for row in small.train} <= {row.id for row in large.train}
    assert {row.id for row in small.validation} <= {row.id for row in large.validation}
    assert not {row.group for row in large.train} & {row.group for row in large.validation}


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ("Call the plumber about the leak, tomorrow!", "c1"),
        ("call the plumber about the leak tomorrow", "c1"),
        ("call the plumber about the bill tomorrow", ""),
        ("something else", ""),
    ],
)
def test_contamination_is_found_word_for_word(text: str, case: str) -> None:
    index = CaseIndex(
        [{"id": "c1", "messages": [{"role": "user", "content": "call the plumber about the leak, tomorrow"}]}]
    )
    assert index.overlap([{"role": "user", "content": text}]) == case


def test_the_data_stage_gives_the_same_bytes_twice_and_keeps_evaluation_out(tmp_path: Path) -> None:
    task = get_task("command")
    rows = [
        record(f"mark task {n} as done", f'{{"action":"complete","task":"{n}"}}', name=f"r{n}").to_row()
        for n in range(80)
    ]
    write_jsonl(tmp_path / "raw.jsonl", rows)
    case = {
        "id": "c1",
        "messages": [{"role": "user", "content": "Mark task 7 as done"}],
        "expected": {"action": "complete", "task": "7"},
    }
    write_jsonl(tmp_path / "contract.jsonl", [case])

    def passes(text: str, one: dict[str, Any]) -> bool:
        return task.accuracy(text, one).value == 1

    def run(out: Path) -> dict[str, Any]:
        stage.make_curated_conversations(
            out / "c", raw_files=[tmp_path / "raw.jsonl"], config=CONFIG, count_tokens=words, product="TaskMaster"
        )
        stage.make_eval_dataset(
            out / "e",
            eval_files=[tmp_path / "contract.jsonl"],
            product="TaskMaster",
            damage=task.damage,
            gold_text=task.gold_text,
            passes=passes,
        )
        found = stage.make_sft_dataset(
            out / "s",
            conversations=out / "c" / "conversations.jsonl",
            eval_folder=out / "e",
            config=CONFIG,
            product="TaskMaster",
        )
        pairs = stage.make_preference_dataset(
            out / "p",
            conversations=out / "s" / "train.jsonl",
            config=CONFIG,
            damage=task.damage,
            expected=stage.parsed,
            passes=passes,
        )
        return {**found, "pairs": pairs}

    found = run(tmp_path / "one")
    run(tmp_path / "two")
    assert tree_digest(tmp_path / "one") == tree_digest(tmp_path / "two")
    assert found["moved_to_quarantine"] == 1
    assert found["metrics"]["contaminated"] == 0
    assert found["pairs"]["metrics"]["proven_share"] == 1
    assert found["pairs"]["metrics"]["legitimate_share"] >= 0.15
    assert read_jsonl(tmp_path / "one" / "s" / "quarantine.jsonl") == [
        {"id": "r7", "rule": "contamination", "case": "c1"}
    ]


def test_data_beside_the_products_own_repeat_no_case_either(tmp_path: Path) -> None:
    def row(name: str, *turns: str) -> dict[str, Any]:
        return {"id": name, "messages": [{"role": "user", "content": text} for text in turns]}

    for name in stage.EVAL_SETS:
        write_jsonl(tmp_path / f"{name}.jsonl", [row("c1", "Hide the old car keys!")] if name == "safety" else [])
    write_jsonl(tmp_path / "one.jsonl", [row("a", "hide the old car keys"), row("b", "hide my keys")])
    write_jsonl(tmp_path / "two.jsonl", [row("c", "hide the", "old car keys")])
    found = stage.write_unseen(
        tmp_path / "out.jsonl", files=[tmp_path / "one.jsonl", tmp_path / "two.jsonl"], eval_folder=tmp_path
    )
    assert found == {"own_rows": 1, "moved_to_quarantine": 2}
    assert [kept["id"] for kept in read_jsonl(tmp_path / "out.jsonl")] == ["b"]
