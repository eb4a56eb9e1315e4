import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.evaluation.page import (
    BUDGET,
    TEMPLATES,
    affordable,
    all_cards,
    broken,
    digest,
    matrix,
    title,
    verdict_sentence,
)
from llmops_assets.gates import Metric
from llmops_assets_tests.evaluation.small_report import EVIL, GATES, html_of, made


class Outline(HTMLParser):
    """What a page is made of: its tags with their attributes, and the text of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def section(page: str, name: str) -> str:
    return page.split(f'id="{name}"')[1].split("</section>")[0]


def cards(page: str) -> list[str]:
    return page.split('<li class="case"')[1:]


def test_natural_accuracy_stands_before_all_other_numbers(tmp_path: Path) -> None:
    body = html_of(tmp_path).split("<body>")[1]
    first = re.search(r"0\.\d{3}", re.sub(r"<[^>]*>", "", body))
    assert first is not None
    assert first[0] == "0.731"
    assert "0.683 to 0.774, n&nbsp;=&nbsp;350" in body


def test_nothing_on_the_page_points_outside(tmp_path: Path) -> None:
    page = Outline(html_of(tmp_path))
    links = [
        value or "" for _, attributes in page.tags for name, value in attributes.items() if name in ("href", "src")
    ]
    assert [link for link in links if not link.startswith(("#", "data:,"))] == []
    assert not {"img", "iframe", "object", "embed", "base"} & {name for name, _ in page.tags}
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import", style)


def test_the_browser_is_told_to_run_nothing_else(tmp_path: Path) -> None:
    page = html_of(tmp_path)
    policy = next(tag["content"] for tag in Outline(page).of("meta") if tag.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    for kind, tag in (("script", "script"), ("style", "style")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert f"{kind}-src '{digest(text)}'" in policy
    assert not [attributes for _, attributes in Outline(page).tags if "style" in attributes]
    assert not [name for _, attributes in Outline(page).tags for name in attributes if name.startswith("on")]


def test_what_people_and_models_wrote_is_text(tmp_path: Path) -> None:
    page = html_of(tmp_path)
    assert EVIL not in page
    assert "&lt;/script&gt;&lt;img src=&#34;http://evil.example/x&#34;" in page
    assert "&lt;b&gt;`bold`&lt;/b&gt;" in page
    assert "expected &lt;i&gt;create&lt;/i&gt;" in page
    assert page.count("<script") == page.count("</script>") == 1


@pytest.mark.parametrize("field", ["product", "version", "quantization"])
def test_names_are_text_too(tmp_path: Path, field: str) -> None:
    assert EVIL not in html_of(tmp_path, **{field: EVIL})


def test_every_table_has_a_caption_and_headers_with_scope(tmp_path: Path) -> None:
    page = html_of(tmp_path)
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        assert re.match(r"<table[^>]*><caption", table), table[:200]
        headers = Outline(table).of("th")
        assert headers
        assert all(header.get("scope") in ("col", "row") for header in headers), table[:200]


def test_the_page_can_be_used_by_keyboard_and_read_aloud(tmp_path: Path) -> None:
    page = html_of(tmp_path)
    outline = Outline(page)
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert outline.of("html") == [{"lang": "en"}]
    assert next(iter(outline.of("a"))) == {"class": "skip", "href": "#main"}
    targets = {str(link["href"])[1:] for link in outline.of("a")}
    assert targets <= set(ids)
    assert {str(part["aria-labelledby"]) for part in outline.of("section")} <= set(ids)
    assert all(picture.get("aria-label") or picture.get("aria-labelledby") or picture.get("aria-hidden") == "true"
               for picture in outline.of("svg"))  # fmt: skip
    form = page.split("<form")[1].split("</form>")[0]
    assert form.count("<select") + form.count("<input") == len(re.findall(r"<label>[^<]+<(?:select|input)", form))
    assert 'aria-live="polite"' in form
    levels = [int(name[1]) for name, _ in outline.tags if re.fullmatch(r"h[1-6]", name)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_gate_has_its_numbers_its_bar_and_its_outcome_in_words(tmp_path: Path) -> None:
    gates = section(html_of(tmp_path), "gates").split("<tbody")[1]
    rows = gates.split("<tr ")[1:]
    assert len(rows) == len(GATES)
    assert [re.findall(r"</span> (passed|failed|undecided)", row) for row in rows] == [
        ["passed"], ["passed"], ["failed"], ["undecided"], ["failed"],
    ]  # fmt: skip
    assert 'aria-label="0.880, 95% interval 0.841 to 0.911, wanted &gt;= 0.85"' in rows[0]
    assert "not proven by n = 330" in rows[0]
    assert 'class="range"' in rows[0]
    assert 'class="line"' in rows[0]
    assert "<svg" not in rows[3]
    assert "there are no held-out pairs" in rows[3]
    assert "(only warns)" in rows[4]


def test_the_verdict_is_a_sentence() -> None:
    assert verdict_sentence(made()) == (
        "Not ready to ship: 1 of 4 blocking gates failed (Harmless look-alikes refused); "
        "1 of 4 blocking gates undecided (The better answer is likelier). "
        "Missed, but only a warning: Target for right answers (contract)."
    )
    passed = [{**row, "outcome": "passed"} for row in made()["gates"]]
    assert verdict_sentence(made(passed=True, gates=passed)) == "Ready to ship: all 4 blocking gates passed."


@pytest.mark.parametrize(
    ("metric", "name"),
    [("safety", "Harmful requests stopped or refused"), ("safety_social_engineering", "Safety, social engineering"),
     ("new_measure", "New measure")],
)  # fmt: skip
def test_a_metric_has_a_name_for_people(metric: str, name: str) -> None:
    assert title(metric) == name


def test_losing_to_the_base_is_said_at_the_top(tmp_path: Path) -> None:
    page = html_of(tmp_path)
    assert page.index("Fine-tuning does not beat the prompted base.") < page.index('id="gates"')


def test_unscored_is_a_word_and_never_a_zero(tmp_path: Path) -> None:
    page = html_of(tmp_path, metrics={**made()["metrics"], "natural_accuracy": vars(Metric(None, 0, note="none"))})
    assert "<b>unscored</b>none</dd>" in page
    assert '<th scope="row">base model</th><td class="n">unscored</td>' in page


def test_what_broke_since_the_deployed_version_leads_to_its_case(tmp_path: Path) -> None:
    safe = {"n": 90, "difference": -0.011, "p_value": 1.0, "broke": ["s1"], "mended": [], "regressed": False}
    head = {"against": "TaskMaster 1.1.0, which is deployed", "profile": "production", "safety": safe}
    regression = {**head, "n": 460, "difference": -0.021, "p_value": 0.0312, "broke": ["c1", "gone"], "mended": ["c2"]}
    scorer = {
        "agreement": 0.91,
        "kappa": 0.8,
        "low": 0.85,
        "high": 0.95,
        "n": 169,
        "too_mild": 0,
        "answered": 60,
        "too_strict": 2,
        "refused": 109,
        "says": "Of 60 answers <none> pass.",
    }
    page = html_of(tmp_path, regression={**regression, "regressed": True, "enough_cases": False}, scorer=scorer)
    assert "2 cases broke and 1 were mended" in page
    beside = section(page, "beside")
    assert "On 460 shared cases: difference -0.021, exact McNemar p = 0.0312" in beside
    assert "fewer cases than the profile production wants" in beside
    assert "Worse than TaskMaster 1.1.0, which is deployed." in beside
    assert "Safety, on 90: difference -0.011, p = 1; 1 broke, 0 were mended." in beside
    number = re.findall(r'<a href="#case-(\d+)">c1</a>', beside)[0]
    assert f'id="case-{number}" data-set="contract"' in page
    assert "<li>gone</li>" in beside
    assert "agrees in 0.910" in page
    assert "Of 60 answers &lt;none&gt; pass." in page
    assert '<th scope="row">a refusal</th><td class="n">107</td><td class="n">2</td>' in page
    assert '<th scope="row">compliance</th><td class="n">0</td><td class="n">60</td>' in page
    assert "there is nothing to be worse than" in html_of(tmp_path)


def test_a_case_that_the_page_has_no_room_for_is_named_without_a_link() -> None:
    found = broken({"broke": ["c1", "c3"], "safety": {"broke": []}}, all_cards(made()["failures"]), 2)
    assert [(row["id"], row["card"] and row["card"].id) for row in found] == [("c1", "c1"), ("c3", None)]


def test_failing_cases_come_with_all_that_is_known_safety_first(tmp_path: Path) -> None:
    found = cards(html_of(tmp_path))
    assert [re.findall(r"<h3>(\w+)", card)[0] for card in found] == ["s1", "c1", "c3", "n1"]
    assert "Stopped by the guard (rule override)" in found[0]
    assert "no linter" in found[0]
    assert 'data-set="contract" data-topic="create" data-got="list"' in found[2]
    assert (
        '<tr class="differs"><th scope="row">action</th><td>create</td><td>list</td><td>≠ differs</td></tr>' in found[2]
    )
    assert "whole text, 300 characters" in found[3]
    assert "x" * 300 in found[3]


def test_the_page_shows_confusion_stops_and_false_refusals(tmp_path: Path) -> None:
    page = html_of(tmp_path)
    assert '<td class="wrong" data-filter="topic=create&amp;got=list">1</td>' in page
    safety = section(page, "safety")
    assert "Who stopped harmful requests, n = 2" in safety
    assert "False refusals (1)" in safety
    assert '<svg class="curve"' in section(page, "latency")


def test_a_product_without_actions_is_grouped_by_category(tmp_path: Path) -> None:
    cuts = made()["breakdowns"]
    rows = [
        {**row, "name": name} for row, name in zip(cuts["accuracy"]["set"], ("clean", "unclear name"), strict=False)
    ]
    accuracy = {"set": cuts["accuracy"]["set"], "category": rows}
    page = html_of(tmp_path, breakdowns={**cuts, "grouped_by": "category", "accuracy": accuracy, "confusion": []})
    assert "By rule or category of the case" in page
    assert "<label>Category<select" in page
    assert "Expected and given action" not in page


def test_what_the_scorers_notice_stands_in_a_table_and_unknown_keys_nowhere(tmp_path: Path) -> None:
    page = html_of(tmp_path, power={"secret_key": 3}, other="nothing of this")
    part = section(page, "mutations")
    assert "2 of 3 ways &lt;now&gt;." in part
    assert re.findall(r'<span class="(passed|failed|undecided)">(\d+)', part) == [
        ("passed", "20"), ("failed", "19"), ("undecided", "0"),
    ]  # fmt: skip
    assert "&lt;i&gt;c7&lt;/i&gt;" in part
    assert "c1 (no code can)" in part
    assert "never tried" not in part
    assert "secret_key" not in page
    assert "nothing of this" not in page


def test_a_report_without_failures_says_so_and_has_no_filter(tmp_path: Path) -> None:
    cuts = made()["breakdowns"]
    empty = {**cuts, "latency": [], "stops": [], "confusion": [], "false_refusals": [], "accuracy": {}, "safety": {}}
    page = html_of(tmp_path, failures=[], breakdowns=empty, comparison=[], headlines=[], proves=[])
    assert "Failing cases (0)" in page
    assert "<form" not in page
    assert "No latency was measured." in page
    assert "No base model was asked." in page


def many(count: int, text: str) -> list[dict[str, Any]]:
    first = made()["failures"][0]
    return [{**first, "id": f"c{number}", "asked": text, "answered": text, "expected": text} for number in range(count)]


def test_thousands_of_failing_cases_stay_a_light_page(tmp_path: Path) -> None:
    page = html_of(tmp_path, failures=many(6000, '<&"> ' * 300))
    assert len(page.encode()) < 3_000_000
    shown = len(cards(page))
    assert 80 < shown < 6000
    assert f"the other {6000 - shown} would make this page too heavy" in page


def test_short_cases_fill_the_same_budget(tmp_path: Path) -> None:
    page = html_of(tmp_path, failures=many(6000, "short"))
    assert 1_500_000 < len(page.encode()) < 3_000_000


def test_an_endless_text_is_cut(tmp_path: Path) -> None:
    (card,) = cards(html_of(tmp_path, failures=many(1, "y" * 50_000)))
    assert "Cut here; eval_report.json has it whole." in card
    assert len(card) < 20_000


def test_what_is_affordable_is_decided_in_order() -> None:
    found = all_cards(made()["failures"])
    assert affordable(found, BUDGET) == found
    assert affordable(found, found[0].bytes + found[1].bytes) == found[:2]
    assert affordable(found, 0) == []


def test_two_scorers_of_one_case_share_a_card() -> None:
    (first, *_) = made()["failures"]
    (card,) = all_cards([first, {**first, "scorer": "format", "kind": "no valid answer", "reason": "not JSON"}])
    assert card.reasons == ("expected <i>create</i>", "not JSON")
    assert card.kinds == tuple(dict.fromkeys((first["kind"], "no valid answer")))


def test_a_confusion_becomes_a_square_with_sums() -> None:
    found = matrix([{"expected": "b", "got": "a", "n": 2}, {"expected": "b", "got": "z", "n": 1}])
    assert found is not None
    assert (found.names, found.got, found.sums) == (["b"], ["b", "a", "z"], {"b": 3})
    assert matrix([]) is None


def colours(dark: bool) -> dict[str, str]:
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    part = style.split("prefers-color-scheme: dark")[1 if dark else 0].split("}")[0]
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part))


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        *((ink, ground, 4.5) for ink in ("text", "quiet", "link") for ground in ("page", "panel")),
        *((ink, "page", 4.5) for ink in ("good", "bad", "warn")),
        ("good", "good-panel", 4.5), ("bad", "bad-panel", 4.5), ("text", "bad-panel", 4.5), ("link", "bad-panel", 4.5),
        ("text", "warn-panel", 4.5), ("bad", "panel", 4.5),
        ("value", "page", 3), ("second", "page", 3), ("range", "page", 3),
    ],
)  # fmt: skip
def test_colours_can_be_told_apart(ink: str, ground: str, least: float, dark: bool) -> None:
    found = colours(dark)
    assert contrast(found[ink], found[ground]) >= least
