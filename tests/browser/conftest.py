# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Chromium without a screen, and what it says, asks for and cuts of a page."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "unit"), str(Path(__file__).resolve().parent)]
pytest_configure = importlib.import_module("conftest").pytest_configure

import fleets  # noqa: E402

from ansible_collections.nova_pci.passthrough.plugins.filter.fleet_page import page as fleet_page  # noqa: E402
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration_draft import declaration_draft  # noqa: E402

CHROMIUM = shutil.which("chromium")
PICTURES = "NOVA_PCI_PICTURES"
MADE_AT = "2026-11-24 21:00 UTC"
PATIENCE = 180_000  # milliseconds: the machine may be busy with a lab
# As root, on a machine without a graphics card and with little shared memory. No service of the browser's own may ask the network.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--force-color-profile=srgb",
]

# Every element with text of its own whose text is wider or higher than what is shown of it, and everything that
# reaches out of the window.
CUT = """() => {
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height || element.closest(".unseen, .skip, option, script") || style.visibility === "hidden") continue;
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own && !element.matches("input, select")) continue;
    const name = `${element.tagName} ${element.textContent.trim().slice(0, 60)}`;
    if (style.display !== "inline" && (element.scrollWidth > element.clientWidth + 1 && element.clientWidth)) found.push(`wider: ${name}`);
    if (box.right > document.documentElement.clientWidth + 1 || box.left < -1) found.push(`outside: ${name}`);
    for (let around = element.parentElement; around && around !== document.body; around = around.parentElement) {
      const edge = getComputedStyle(around).overflowX;
      const frame = around.getBoundingClientRect();
      if (edge !== "visible" && (box.right > frame.right + 1 || box.left < frame.left - 1)) found.push(`hidden by ${around.id || around.tagName}: ${name}`);
    }
  }
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`the page scrolls sideways: ${root.scrollWidth} of ${root.clientWidth}`);
  return found;
}"""


class Look:
    """One open page."""

    def __init__(self, page: Page, file: Path, pictures: Path) -> None:
        self.page = page
        self.file = file
        self.pictures = pictures
        self.said: list[str] = []
        self.asked: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def go(self, address: str = "") -> Look:
        self.page.goto(f"{self.file.as_uri()}{address}")
        return self

    def cut(self) -> list[str]:
        return self.page.evaluate(CUT)

    def unfit(self) -> list[str]:
        """What axe finds wrong, with the elements."""
        found = Axe().run(self.page, options={"resultTypes": ["violations"]}).response["violations"]
        return [f"{one['id']}: {one['help']}: {[node['html'] for node in one['nodes'][:3]]}" for one in found]

    def others_asked(self) -> list[str]:
        return [url for url in self.asked if url.partition("#")[0] != self.file.as_uri()]

    def hosts(self) -> list[str]:
        return self.page.eval_on_selector_all("#rows tr", "rows => rows.map((row) => row.dataset.host)")

    def settle(self) -> None:
        """A changed filter is drawn in the next frame."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def search(self, words: str) -> list[str]:
        self.page.fill("#q", words)
        self.settle()
        return self.hosts()

    def choose(self, control: str, value: str) -> list[str]:
        self.page.select_option(control, value)
        self.settle()
        return self.hosts()

    def picture(self, name: str) -> None:
        self.page.screenshot(path=self.pictures / f"{name}.png", full_page=self.page.viewport_size["width"] < 1000)


@pytest.fixture(scope="session", name="chromium")
def fixture_chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE)
        yield browser
        browser.close()


@pytest.fixture(scope="session", name="surveys")
def fixture_surveys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return fleets.recorded(tmp_path_factory.mktemp("machines"))


@pytest.fixture(scope="session", name="pictures")
def fixture_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(os.environ.get(PICTURES) or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session", name="files")
def fixture_files(surveys, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages, written once: of a survey, of a verified fleet, of a large one, of one with hostile words."""
    folder = tmp_path_factory.mktemp("pages")
    small, large = fleets.small(surveys), fleets.large(surveys)
    hostile = {f"{fleets.HOSTILE} {name}": fleets.hostile(one) for name, one in small.items()}
    told = {
        host: [{**fleets.finding("iommu", "failed"), "found": fleets.HOSTILE, "fix": fleets.HOSTILE * 3}]
        for host in hostile
    }
    pages = {
        "survey": fleet_page(small, declaration=declaration_draft(small), made_at=MADE_AT),
        "verified": fleet_page(small, fleets.findings(small), declaration_draft(small), "PCI passthrough", MADE_AT),
        "large": fleet_page(large, fleets.findings(large), declaration_draft(large), made_at=MADE_AT),
        "hostile": fleet_page(
            hostile, told, [*declaration_draft(hostile), fleets.HOSTILE], fleets.HOSTILE, fleets.HOSTILE
        ),
        "empty": fleet_page({}),
    }
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


@pytest.fixture(name="look")
def fixture_look(chromium: Browser, files: dict[str, Path], pictures: Path) -> Iterator[Any]:
    """Open a page in a window of its own; it must have said nothing and asked nobody when the test ends."""
    opened: list[Look] = []

    def at(name: str, address: str = "", width: int = 1280, scheme: str = "light") -> Look:
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
        opened.append(Look(page, files[name], pictures))
        return opened[-1].go(address)

    yield at
    for one in opened:
        one.page.close()
        assert one.said == []
        assert one.others_asked() == []
