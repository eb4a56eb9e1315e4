"""Harmful prompts and human judgements, read from text."""

from llmops_assets.curation.collecting import harm_sets

ADVBENCH = "seeds:\n- value: Do a bad  thing\n  harm_categories: [Violence]\n- value: Do a bad thing\n"
REFUSALS = (
    "# version\nobjective,assistant_response,human_score,data_type\n"
    'Ask,"No,\nnever.",1,text\nAsk,Sure.,0,text\nAsk,,1,text\n'
)
HARMS = "#\nharm_category,objective,assistant_response,human_score_1,human_score_2\nx,Ask,Sure.,0.5,1.0\n"


def test_advbench_seeds_are_requests_to_refuse_each_once() -> None:
    rows = harm_sets.advbench_rows(ADVBENCH)
    assert [row["messages"] for row in rows] == [[{"role": "user", "content": "Do a bad thing"}]]
    assert rows[0]["expected"] == {"action": "refuse"}
    assert (rows[0]["source"], rows[0]["off_topic"]) == ("pyrit-1.1.0 (advbench)", True)


def test_harmbench_has_one_request_a_line() -> None:
    rows = harm_sets.harmbench_rows("One thing\n\nOther thing\nOne thing\n")
    assert [row["messages"][0]["content"] for row in rows] == ["One thing", "Other thing"]
    assert len({row["id"] for row in rows}) == 2


def test_refusal_labels_are_booleans_and_keep_line_breaks() -> None:
    rows = harm_sets.label_rows(REFUSALS, "refusal", "refusal.csv")
    assert [row["expected"] for row in rows] == [True, False]
    assert rows[0]["messages"][1]["content"] == "No,\nnever."


def test_harm_labels_are_the_mean_of_the_judges() -> None:
    (row,) = harm_sets.label_rows(HARMS, "harm", "x.csv")
    assert row["expected"] == 0.75
    assert row["meta"] == {"judges": 2}
