"""The machine's Chromium: tests that need it are left out, with the reason, where there is none."""

import shutil

import pytest

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
NEEDS_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(not BROWSER, reason="chromium is not installed: apt-get install chromium, and run again"),
]
