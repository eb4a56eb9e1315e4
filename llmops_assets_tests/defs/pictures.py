"""The pictures of the README, from a `llmops dev` where TaskMaster is made and CodeReviewer's curation is red at its gate.

`python -m llmops_assets_tests.defs.pictures http://127.0.0.1:3000 docs`; nothing is launched.
"""

import sys
from pathlib import Path

from playwright.sync_api import expect

from llmops_assets_tests.defs.web_pages import WebPages, web_pages


def take(pages: WebPages, folder: Path) -> None:
    """Graph, dialog of a backfill, red check, curves of a training."""
    pages.open_graph()
    pages.move_graph(-25, 70)
    pages.page.screenshot(path=folder / "ui-graph.png")
    dialog = pages.fill_backfill("curation", ["CodeReviewer", "DocWriter"])
    expect(dialog).to_contain_text("2 partitions")
    pages.page.screenshot(path=folder / "ui-backfill.png")
    pages.open_check_of("curated_conversations", "every_category_is_covered", "CodeReviewer")
    pages.page.screenshot(path=folder / "ui-red-check.png")
    rows = pages.open_product("sft_adapter", "TaskMaster").get_by_role("row")
    curves = pages.open_markdown(rows.filter(has_text="curves_plot"))
    expect(curves.get_by_role("img").last).to_be_visible()
    curves.screenshot(path=folder / "ui-curves.png", animations="disabled")


if __name__ == "__main__":
    with web_pages(sys.argv[1]) as opened:
        take(opened, Path(sys.argv[2]))
