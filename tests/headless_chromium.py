"""Headless Chromium for the tests of pages; a module that asks for it skips where there is none."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60.0
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def require_chromium() -> None:
    """Skips the module where Chromium or selenium is not installed."""
    pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip(
            "Chromium is not installed: apt-get install chromium chromium-driver",
            allow_module_level=True,
        )


@contextmanager
def chromium(profile: Path, *flags: str, size: tuple[int, int] = (1300, 1200)) -> Iterator[Any]:
    """A browser with a window of `size` (width, height), which records what it asks servers for."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    window = f"--window-size={size[0]},{size[1]}"
    for flag in (*_FLAGS, window, f"--user-data-dir={profile}", *flags):
        options.add_argument(flag)
    driver = webdriver.Chrome(options, webdriver.ChromeService(str(shutil.which("chromedriver"))))
    driver.set_script_timeout(SECONDS)
    try:
        yield driver
    finally:
        driver.quit()


def requests_of(browser: Any) -> list[str]:
    """Addresses that pages and their workers asked for since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]


def until(look: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """What `look` answers, as soon as it is something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := look():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"{what} was not there after {seconds:g} seconds")


def save_screenshot(browser: Any, name: str) -> None:
    """Writes what is seen to `$SIMPLEBASE_SCREENSHOTS`, if that is set, for people to look at."""
    if folder := os.environ.get("SIMPLEBASE_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        browser.save_screenshot(str(Path(folder) / f"{name}.png"))
