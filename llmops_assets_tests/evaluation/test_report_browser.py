"""The report in a real browser: filters work without a server, what cases hold does not run, and no request leaves."""

import http.server
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmops_assets_tests.chromium import BROWSER, NEEDS_BROWSER
from llmops_assets_tests.evaluation.small_report import EVIL, html_of

pytestmark = NEEDS_BROWSER


class Proxy(http.server.ThreadingHTTPServer):
    """Stands between the browser and the network, notes what is asked for, and lets nothing out."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Refusing)
        self.asked: list[str] = []


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Proxy)
        self.server.asked.append(self.path)
        self.send_error(404)

    do_CONNECT = do_POST = do_GET  # noqa: N815  (the names are the library's)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    server = Proxy()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def opened(page: Path, proxy: Proxy, after: str = "") -> str:
    """The page as it is once its script has run."""
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--virtual-time-budget=2000",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
        f"--proxy-server=127.0.0.1:{proxy.server_address[1]}", "--proxy-bypass-list=<-loopback>",
        f"--user-data-dir={page.parent / 'profile'}", f"{page.as_uri()}{after}",
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def shown(dom: str) -> list[str]:
    """The failing cases that are not hidden."""
    found = re.findall(r'<li class="case"([^>]*)>\s*<h3>(\w+)', dom)
    return [name for attributes, name in found if "hidden" not in attributes]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    html_of(tmp_path)
    return tmp_path / "eval_report.html"


@pytest.mark.parametrize(
    ("after", "cases"),
    [
        ("", ["s1", "c1", "c3", "n1"]),
        ("#filter:set=contract", ["c1", "c3"]),
        ("#filter:topic=refuse", ["s1"]),
        ("#filter:got=list", ["c3"]),
        ("#filter:kind=unscored", ["s1"]),
        ("#filter:text=HELLO+%7C", ["s1"]),
        ("#filter:set=contract&text=milk", ["c1", "c3"]),
        ("#filter:set=safety&topic=create", []),
    ],
)
def test_filters_work_from_a_file(page: Path, proxy: Proxy, after: str, cases: list[str]) -> None:
    dom = opened(page, proxy, after)
    assert shown(dom) == cases
    assert f"{len(cases)} of 4 failing cases shown" in dom
    assert re.search(r'<form id="filter"[^>]*role="search"(?![^>]*hidden)', dom)


def test_a_wrong_cell_of_the_confusion_leads_to_its_cases(page: Path, proxy: Proxy) -> None:
    dom = opened(page, proxy)
    assert re.search(r'<a href="#filter:topic=create&amp;got=list"[^>]*>1</a>', dom)


def test_what_a_case_holds_does_not_run_and_no_request_leaves(page: Path, proxy: Proxy) -> None:
    dom = opened(page, proxy)
    assert "<title>TaskMaster 1.2.3: evaluation, not passed</title>" in dom
    assert "<img" not in dom
    assert [asked for asked in proxy.asked if "example" in asked] == []


def test_the_page_would_run_nothing_and_load_nothing_even_unescaped(page: Path, proxy: Proxy) -> None:
    page.write_text(page.read_text(encoding="utf-8").replace("</main>", f"{EVIL}</main>"), encoding="utf-8")
    dom = opened(page, proxy)
    assert "<img" in dom
    assert "owned</title>" not in dom
    assert [asked for asked in proxy.asked if "example" in asked] == []


def test_a_request_would_have_been_seen(tmp_path: Path, proxy: Proxy) -> None:
    careless = tmp_path / "careless.html"
    careless.write_text(f"<!doctype html><title>x</title>{EVIL}", encoding="utf-8")
    dom = opened(careless, proxy)
    assert "<title>owned</title>" in dom
    assert "http://evil.example/x" in proxy.asked
