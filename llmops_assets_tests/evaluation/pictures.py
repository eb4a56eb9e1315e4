"""The pictures of an evaluation report in the README: the top of the page, light and dark.

`python -m llmops_assets_tests.evaluation.pictures eval_report.html docs`
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from llmops_assets_tests.chromium import BROWSER


def take(report: Path, folder: Path) -> None:
    """`evaluation-report-light.png` and `evaluation-report-dark.png`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 1180, "height": 1220}, color_scheme=scheme)
            page.goto(report.resolve().as_uri())
            page.screenshot(path=folder / f"evaluation-report-{scheme}.png")
        browser.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]))
