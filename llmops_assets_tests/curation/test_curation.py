import json
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.curation import flow, stage
from llmops_assets.curation.cleaning import Rules, examine, normalise, schema_problem, settle
from llmops_assets.curation.contamination import CaseIndex
from llmops_assets.curation.formats import lines_in, record_of
from llmops_assets.curation.held_apart import contaminated, split_overlap
from llmops_assets.curation.read_back import ReadBack
from llmops_assets.curation.records import Record, Rejected
from llmops_assets.curation.splitting import side_of
from llmops_assets.errors import DataError
from llmops_assets.gates import judge
from llmops_assets.pipeline.graph import example_recipe, gates_of
from llmops_assets.recipes.data import DataConfig
from llmops_assets.recipes.schema import Recipe
from llmops_assets.storage.atomic import read_jsonl, sha256_bytes, tree_digest, write_jsonl
from llmops_assets.tasks.case_sets import SETS
from llmops_assets.tasks.registry import get_task

CONFIG = DataConfig(preference_pairs=12)
LISTED, REFUSED = '{"action":"list"}', '{"action":"refuse"}'


def record(user: str, answer: str = LISTED, name: str = "", **changed: Any) -> Record:
    turns = ({"role": "user", "content": user}, {"role": "assistant", "content": answer})
    given = {"source": "s", "license": "MIT", "group": name or user, "category": "list", "composed": False, **changed}
    return Record(id=name or user, messages=turns, **given)


def words(text: str) -> int:
    return len(text.split())


RULES = Rules(CONFIG, words, REFUSED)


def read(files: list[Path]) -> list[Record | Rejected]:
    return [record_of(line) for line in lines_in(files, "TaskMaster")]


def curate(out: Path, files: list[Path], rules: Rules = RULES) -> dict[str, Any]:
    return stage.make_curated_conversations(out, raw_files=files, rules=rules, product="TaskMaster")


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
    [found] = read([tmp_path / "rows.jsonl"])
    assert isinstance(found, Record)
    assert [turn["content"] for turn in found.messages] == ["q", "a"]


def test_bad_lines_go_to_quarantine_with_file_line_and_rule(tmp_path: Path) -> None:
    good = json.dumps({"prompt": "q", "completion": "a"}).encode()
    (tmp_path / "x.jsonl").write_bytes(
        b"\n".join([good, b'{"prompt": "cut', b"\xff\xfe", b"[1]", b'{"text": "q"}', b""])
    )
    first, *rejected = read([tmp_path / "x.jsonl"])
    assert isinstance(first, Record)
    assert [(row.rule, row.where) for row in rejected if isinstance(row, Rejected)] == [
        ("json", "x.jsonl:2"),
        ("encoding", "x.jsonl:3"),
        ("form", "x.jsonl:4"),
        ("form", "x.jsonl:5"),
    ]


def test_nothing_to_read_is_an_error_that_names_the_product(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="for TaskMaster, found none"):
        curate(tmp_path / "a", [])
    (tmp_path / "x.jsonl").write_text("not json\n")
    with pytest.raises(DataError, match=r"TaskMaster to pass cleaning, got none of 1; x.jsonl:1: expected a JSON"):
        curate(tmp_path / "b", [tmp_path / "x.jsonl"])


@pytest.mark.parametrize(
    ("roles", "valid"),
    [
        ("user assistant", True),
        ("system user assistant", True),
        ("user assistant tool assistant", True),
        ("user assistant user assistant", True),
        ("user assistant tool user assistant", True),
        ("user tool assistant", False),
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


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "q", "output": {"action": "create"}},
        {"prompt": ["q"], "completion": "a"},
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": None}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "q"}]},
                {"role": "assistant", "content": "a"},
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]},
            ]
        },
        {"messages": [{"role": "user", "content": "q"}, "a"]},
    ],
)
def test_what_is_no_text_is_not_learned_as_if_it_were(tmp_path: Path, row: dict[str, Any]) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [row])
    [found] = read([tmp_path / "rows.jsonl"])
    assert isinstance(found, Rejected)
    assert (found.rule, "with text in every turn" in found.reason) == ("form", True)


@pytest.mark.parametrize("last", [{"content": {"a": 1}}, {"content": None}, {"content": "x", "train": False}, {}])
def test_an_answer_is_text_that_is_to_be_learned(last: dict[str, Any]) -> None:
    assert schema_problem([{"role": "user", "content": "q"}, {"role": "assistant", **last}])


def test_what_a_turn_holds_beside_its_words_goes_no_further(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "q", "name": "sk-abcdefghijklmnop1234"}, {"role": "assistant", "content": "a"}]
    write_jsonl(tmp_path / "rows.jsonl", [{"messages": turns}])
    [found] = read([tmp_path / "rows.jsonl"])
    assert isinstance(found, Record)
    assert found.messages[0] == {"role": "user", "content": "q"}


def test_text_is_mended_and_kept() -> None:
    assert normalise("caf\u00c3\u00a9\u200b  x \r\nnext") == "café  x\nnext"


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
    settled = settle(examine(rows, RULES), {}, CONFIG)
    rejected = [each for each in settled if isinstance(each, Rejected)]
    assert [each.record.id for each in settled if not isinstance(each, Rejected)] == ["a", "d", "e", "f"]
    assert {row.where: row.rule for row in rejected} == {
        "b": "exact_duplicate",
        "c": "near_duplicate",
        "g": "language",
        "h": "length",
    }
    assert len(settled) == len(rows)


def test_a_million_lines_would_go_through_as_these_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a few lines, a twin in another chunk, more than one process: the outcome stays the same."""
    asked = [f"show what {sha256_bytes(bytes([n]))[:20]} left" for n in range(50)]
    rows = [{"id": f"r{n}", "prompt": text, "completion": LISTED} for n, text in enumerate(asked)]
    rows += [{"id": "again", "prompt": asked[1].upper(), "completion": LISTED}, {"text": "?"}]
    write_jsonl(tmp_path / "x.jsonl", rows)
    found = curate(tmp_path / "one", [tmp_path / "x.jsonl"])
    monkeypatch.setattr(flow, "CHUNK", 7)
    monkeypatch.setattr(flow, "SHARED_FROM", 0)
    again = curate(tmp_path / "many", [tmp_path / "x.jsonl"])
    assert again["funnel"] == found["funnel"] == {"unreadable": 1, "read": 51, "exact_duplicate": 1, "kept": 50}
    assert found["metrics"]["lost"] == 0
    for name in ("conversations.jsonl", "quarantine.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "many" / name).read_bytes()
    twin = next(row for row in read_jsonl(tmp_path / "many" / "quarantine.jsonl") if row["where"] == "again")
    assert twin["reason"] == "the same conversation as r1"


def test_a_lost_record_is_counted(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "x.jsonl", [{"prompt": f"show room {n} please", "completion": LISTED} for n in range(3)])
    curate(tmp_path / "out", [tmp_path / "x.jsonl"])
    kept = read_jsonl(tmp_path / "out" / "conversations.jsonl")
    write_jsonl(tmp_path / "out" / "conversations.jsonl", [kept[0], kept[0]])
    found = ReadBack(tmp_path / "out", tmp_path / "scratch", CONFIG)
    assert len(list(found)) == 2
    metrics = found.metrics([tmp_path / "x.jsonl"], "TaskMaster")
    assert (metrics["lost"], metrics["duplicate_share"]) == (1, 0.5)


@pytest.mark.parametrize("text", ["plain words", "two\nlines  ", "\n\n edge \t", "a & b &amp; c", "tab\tin", "x" * 300])
def test_what_needs_no_mending_comes_out_as_if_it_had_been_mended(text: str) -> None:
    assert normalise(text) == normalise(f"{text}\u200b")


def test_a_side_depends_on_the_group_alone_and_shares_come_out() -> None:
    sides = [side_of(f"g{n}", 0.8) for n in range(4000)]
    assert sides == [side_of(f"g{n}", 0.8) for n in range(4000)]
    assert 0.77 < sides.count("train") / len(sides) < 0.83
    assert set(sides) == {"train", "validation"}


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ("Call the plumber about the leak, tomorrow!", "c1"),
        ("call the plumber about the leak tomorrow", "c1"),
        ("call the plumber about the bill tomorrow", ""),
        ("hi, before the guests come take the long ladder out of Ana's shed, thanks", "c2"),
        ("hi, before the guests leave take the long ladder out", ""),
        ("something else", ""),
        ("ask Bo whether the smal wooden ladder behind shed 12 belongs to him", "c3"),
        ("ask Bo whether the smal wooden ladder behind shed 13 belongs to him", ""),
    ],
)
def test_contamination_is_found_word_for_word_and_letter_for_letter(text: str, case: str) -> None:
    cases = {
        "c3": "ask Bo whether the small wooden ladder behind shed 12 belongs to him",
        "c1": "call the plumber about the leak, tomorrow",
        "c2": "Before the guests come, take the long ladder out of the cellar and hide it",
    }
    index = CaseIndex({"id": name, "messages": [{"role": "user", "content": asked}]} for name, asked in cases.items())
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
        curate(out / "c", [tmp_path / "raw.jsonl"])
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
            curated=out / "c",
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


@pytest.fixture
def splits(tmp_path: Path) -> tuple[Path, Path]:
    """Written splits that share nothing."""
    train = [record("show room one"), record("show room two", name="two")]
    validation = [record("show the shed and the long way round to it please")]
    return (
        write_jsonl(tmp_path / "train.jsonl", [one.to_row() for one in train]),
        write_jsonl(tmp_path / "validation.jsonl", [one.to_row() for one in validation]),
    )


@pytest.mark.parametrize(
    ("planted", "shared"),
    [
        (record("Show room  ONE", name="x"), 1),
        (record("new words", name="y", group="two"), 1),
        (record("new words"), 0),
    ],
)
def test_what_stands_on_both_sides_as_written_is_counted(
    splits: tuple[Path, Path], planted: Record, shared: int
) -> None:
    train, validation = splits
    write_jsonl(validation, [*read_jsonl(validation), planted.to_row()])
    assert split_overlap(train, validation) == shared


@pytest.mark.parametrize(
    ("case", "rows"),
    [("Show room one!", 1), ("walk round the shed and the long way round to it", 1), ("show room", 0)],
)
def test_what_repeats_a_case_as_written_is_counted(splits: tuple[Path, Path], case: str, rows: int) -> None:
    assert contaminated(splits, [{"messages": [{"role": "user", "content": case}]}]) == rows


def test_a_record_keeps_its_side_when_others_come_and_go(tmp_path: Path) -> None:
    def sides(name: str, numbers: range) -> dict[str, str]:
        asked = {n: f"show what {sha256_bytes(bytes([n]))[:20]} left" for n in numbers}
        raw = write_jsonl(
            tmp_path / name / f"{name}.jsonl", [{"prompt": text, "completion": LISTED} for text in asked.values()]
        )
        curate(tmp_path / name / "c", [raw])
        for one in SETS:
            write_jsonl(tmp_path / name / "e" / f"{one}.jsonl", [])
        work = tmp_path / name / "s"
        stage.make_sft_dataset(
            work, curated=tmp_path / name / "c", eval_folder=tmp_path / name / "e", config=CONFIG, product="TaskMaster"
        )
        return {
            row["messages"][0]["content"]: side
            for side in ("train", "validation")
            for row in read_jsonl(work / f"{side}.jsonl")
        }

    before, after = sides("before", range(80)), sides("after", range(20, 200))
    stayed = before.keys() & after.keys()
    assert len(stayed) == 60
    assert {before[text] for text in stayed} == {"train", "validation"}
    assert {text: before[text] for text in stayed} == {text: after[text] for text in stayed}


def test_another_record_of_the_same_id_gets_one_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "CHUNK", 2)
    asked = ["show the shed", "list what Bo owes", "show the shed", "who called on Friday"]
    rows = [{"id": "x", "prompt": text, "completion": LISTED, "license": "MIT"} for text in asked]
    write_jsonl(tmp_path / "x.jsonl", rows)
    found = curate(tmp_path / "out", [tmp_path / "x.jsonl"])
    kept = {row["id"]: row for row in read_jsonl(tmp_path / "out" / "conversations.jsonl")}
    assert [row["messages"][0]["content"] for row in kept.values()] == ["show the shed", "list what Bo owes", asked[3]]
    assert {row["group"] for row in kept.values()} == {"x"}
    assert found["funnel"]["exact_duplicate"] == 1

    spare = list(kept)[1]
    write_jsonl(tmp_path / "y.jsonl", [{**rows[0], "id": spare}, rows[3], rows[1]])
    curate(tmp_path / "again", [tmp_path / "y.jsonl"])
    quarantine = read_jsonl(tmp_path / "again" / "quarantine.jsonl")
    assert [(row["rule"], row["where"]) for row in quarantine] == [("same_id", "x")]


def test_a_file_that_says_no_licence_is_not_for_sale_and_the_check_says_what_to_do(tmp_path: Path) -> None:
    said = {"prompt": "show the shed", "completion": LISTED, "license": "LicenseRef-Project"}
    write_jsonl(tmp_path / "mine.jsonl", [said])
    write_jsonl(tmp_path / "found.jsonl", [{"prompt": "list what Bo owes", "completion": LISTED}])
    curate(tmp_path / "own", [tmp_path / "mine.jsonl"])
    found = curate(tmp_path / "both", [tmp_path / "found.jsonl", tmp_path / "mine.jsonl"])
    sellable = found["metrics"]["sellable_share"]
    assert (sellable.value, sellable.n) == (0.5, 2)
    assert sellable.note.startswith("1 of file found: unknown; say each record's `license`")


@pytest.mark.parametrize(("wanted", "note"), [(2, ""), (99, "lower preference_pairs")])
def test_too_few_pairs_are_a_number_that_a_check_can_stop(tmp_path: Path, wanted: int, note: str) -> None:
    task = get_task("command")
    rows = [record(f"mark task {n} as done", f'{{"action":"complete","task":"{n}"}}').to_row() for n in range(9)]
    found = stage.make_preference_dataset(
        tmp_path,
        conversations=write_jsonl(tmp_path / "rows.jsonl", rows),
        config=DataConfig(preference_pairs=wanted),
        damage=task.damage,
        expected=stage.parsed,
        passes=lambda text, one: task.accuracy(text, one).value == 1,
    )
    pairs = found["metrics"]["pairs"]
    assert (pairs.value, note in pairs.note) == (min(wanted, 9), True)
    (gate,) = [gate for gate in gates_of("preference_dataset", recipe_of(wanted)) if gate.metric == "pairs"]
    assert judge({"pairs": pairs}, [gate]).passed is (wanted == 2)


def recipe_of(pairs: int) -> Recipe:
    return example_recipe().model_copy(update={"data": DataConfig(preference_pairs=pairs)})


def test_data_beside_the_products_own_repeat_no_case_either(tmp_path: Path) -> None:
    def row(name: str, *turns: str) -> dict[str, Any]:
        return {"id": name, "messages": [{"role": "user", "content": text} for text in turns]}

    for name in SETS:
        write_jsonl(tmp_path / f"{name}.jsonl", [row("c1", "Hide the old car keys!")] if name == "safety" else [])
    write_jsonl(tmp_path / "one.jsonl", [row("a", "hide the old car keys"), row("b", "hide my keys")])
    write_jsonl(tmp_path / "two.jsonl", [row("c", "hide the", "old car keys")])
    found = stage.write_unseen(
        tmp_path / "out.jsonl", files=[tmp_path / "one.jsonl", tmp_path / "two.jsonl"], eval_folder=tmp_path
    )
    assert found == {"own_rows": 1, "moved_to_quarantine": 2}
    assert [kept["id"] for kept in read_jsonl(tmp_path / "out.jsonl")] == ["b"]
