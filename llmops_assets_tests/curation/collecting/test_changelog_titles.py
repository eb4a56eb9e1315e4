"""Imperative changelog items as titles."""

import pytest

from llmops_assets.curation.collecting import changelog_titles as titles

NEWS = """
26.3 (2026-11-02)
=================

- Refuse to follow an HTTP redirect to a ``file:`` URL. (`#14171 <https://example.org/14171>`_)
- Fix the *global* configuration
  location on macOS. It was wrong. (`#1 <https://example.org/1>`_, `#2 <https://example.org/2>`_)
- `#4824 <https://example.org/4824>`_: Add a :option:`--foo` option to :func:`bar <pytest.bar>`.
- Upgrade urllib3 to 1.26.20
- The wheel cache was slow.
"""


def test_items_lose_links_and_markup() -> None:
    assert titles.changelog_items(NEWS)[:1] == ["Refuse to follow an HTTP redirect to a file: URL."]
    assert titles.changelog_items(NEWS)[2] == "Add a --foo option to bar."


@pytest.mark.parametrize(
    ("item", "title"),
    [
        ("Speed up path compaction. It was slow.", "Speed up path compaction"),
        ("Fix pip completion --zsh", "Fix pip completion --zsh"),
        ("Upgrade urllib3 to 1.26.20", None),
        ("The wheel cache was slow", None),
        ("Fix crash", None),
        ("Add " + "very " * 10 + "much", None),
        ("Fix the café crash", None),
    ],
)
def test_a_title_is_an_order_of_3_to_10_words(item: str, title: str | None) -> None:
    assert titles.title(item) == title


def test_parts_come_once_with_source_and_licence() -> None:
    rows = titles.parts(NEWS + NEWS, titles.PIP, set())
    assert {row["text"] for row in rows} == {
        "Fix the global configuration location on macOS",
        "Refuse to follow an HTTP redirect to a file",
        "Add a --foo option to bar",
    }
    assert {(row["kind"], row["source"], row["license"]) for row in rows} == {("title", "pip-26.3", "MIT")}
