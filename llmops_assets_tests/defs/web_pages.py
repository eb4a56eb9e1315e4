"""The pages of Dagster's UI in a real Chromium: what a person clicks, and what then stands there."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect, sync_playwright

from llmops_assets_tests.chromium import BROWSER

WINDOW = {"width": 1440, "height": 900}
PATIENCE_MS = 30_000


@dataclass(frozen=True)
class WebPages:
    """One tab of a browser on a server that answers; what goes wrong in it is collected in `complaints`."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def open_graph(self) -> Locator:
        """The graph of all assets with every group open; returns the graph's boxes, groups and assets."""
        self.page.goto(f"{self.url}/asset-groups")
        self.page.get_by_role("button", name="Hide navigation").click()
        self._button("panel_show_right").click()
        boxes = self.page.locator("svg foreignObject")
        expect(boxes.filter(has_text="productization")).to_be_visible()
        self.page.keyboard.press("Alt+KeyE")
        return boxes

    def move_graph(self, right: int, down: int) -> None:
        """Drags the graph by its ground; what it knows of its assets is loaded by then."""
        self.page.wait_for_load_state("networkidle")
        mouse = self.page.mouse
        mouse.move(300, 800)
        mouse.down()
        mouse.move(300 + right, 800 + down, steps=5)
        mouse.up()

    def open_check(self, asset: str, check: str) -> Locator:
        """The page of one check: what it asks for, and how it last went."""
        self._open_asset(asset, "Checks")
        self.page.get_by_text(check, exact=True).first.click()
        expect(self.page.get_by_text("Latest execution")).to_be_visible()
        return self.page.locator("body")

    def open_check_of(self, asset: str, check: str, product: str) -> Locator:
        """How one check last went for one product, among the counts of all products."""
        shown = self.open_check(asset, check)
        self.page.get_by_role("tab", name="Partitions").last.click()
        self.page.get_by_text(product, exact=True).filter(visible=True).last.click()
        expect(shown.get_by_text("Target materialization")).to_be_visible()
        return shown

    def open_product(self, asset: str, product: str) -> Locator:
        """Every product's health of one asset, and what was recorded of one product; returns the page."""
        self._open_asset(asset, "Partitions")
        self.page.get_by_text(product, exact=True).first.click()
        expect(self.page.get_by_role("row").first).to_be_visible()
        return self.page.locator("body")

    def open_markdown(self, row: Locator) -> Locator:
        """What Dagster hides behind a link because it is long: the dialog that shows it."""
        row.get_by_text("[Show Markdown]").click()
        return self.page.get_by_role("dialog")

    def fill_backfill(self, group: str, products: Sequence[str]) -> Locator:
        """The dialog that launches a backfill of a group's assets, with the products chosen."""
        self.page.goto(f"{self.url}/locations/llmops_assets/asset-groups/{group}")
        self.page.get_by_role("button", name="Materialize all").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_text("Select a partition").click()
        for product in products:
            self.page.get_by_role("menuitem", name=product).click()
        dialog.get_by_text("Launch runs to materialize").click()
        expect(self.page.get_by_role("menuitem", name=products[0])).to_be_hidden()
        return dialog

    def launch_backfill(self, dialog: Locator) -> str:
        """Launches what the dialog says and follows the link to its page; the name of the backfill."""
        dialog.get_by_role("button", name="Launch backfill").click()
        self.page.get_by_role("link", name="View", exact=True).click()
        self.page.wait_for_url("**/runs/b/*")
        return urlsplit(self.page.url).path.rsplit("/", 1)[1]

    def _open_asset(self, asset: str, tab: str) -> None:
        self.page.goto(f"{self.url}/assets/{asset}")
        self.page.get_by_role("tab", name=tab).click()

    def _button(self, icon: str) -> Locator:
        return self.page.get_by_role("button").filter(has=self.page.get_by_role("img", name=icon, exact=True))


@contextlib.contextmanager
def web_pages(url: str) -> Iterator[WebPages]:
    """A browser with one tab, until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER)
        page = browser.new_page(viewport=WINDOW, color_scheme="light")
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        pages = WebPages(page, url)
        _listen(pages)
        yield pages
        browser.close()


def _listen(pages: WebPages) -> None:
    page, complaints = pages.page, pages.complaints
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("response", lambda reply: complaints.append(f"{reply.status} {reply.url}") if reply.status >= 400 else None)
    home = (pages.url, f"blob:{pages.url}", "data:")
    page.on("request", lambda asked: None if asked.url.startswith(home) else complaints.append(f"left: {asked.url}"))
