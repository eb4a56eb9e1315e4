"""The pictures of an evaluation report in the README: the top of the page, light and dark, and single sections.

`python -m llmops_assets_tests.evaluation.pictures eval_report.html docs`
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from llmops_assets_tests.chromium import BROWSER

SECTIONS = {
    'section[aria-labelledby="beside"]': "regression",
    'section[aria-labelledby="safety"]': "safety",
    "#scorer": "labels",
    'section[aria-labelledby="mutations"]': "scorers",
    'section[aria-labelledby="stages"]': "stages",
}
"""By a part of the page the name of its picture."""
WIDTH, HEIGHT = 1180, 1220


def take(report: Path, folder: Path) -> None:
    """`evaluation-report-light.png`, `-dark.png`, and one of each of `SECTIONS`, unfolded and cut at the height of a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
            page.goto(report.resolve().as_uri())
            page.screenshot(path=folder / f"evaluation-report-{scheme}.png")
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.evaluate("document.querySelectorAll('section details').forEach(one => { one.open = true })")
        for part, name in SECTIONS.items():
            box = page.locator(part).bounding_box()
            if box is None:
                sys.exit(f"expected {part} in {report}, found none")
            clip = {"x": 0.0, "y": box["y"], "width": WIDTH, "height": min(box["height"], HEIGHT)}
            page.screenshot(path=folder / f"evaluation-report-{name}.png", clip=clip, full_page=True)  # type: ignore[arg-type]
        browser.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]))
