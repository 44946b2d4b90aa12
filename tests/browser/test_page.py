# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a fleet in a real browser: what it shows, finds and lets a keyboard do, that it asks nobody and cuts nothing."""

from __future__ import annotations

import json

import pytest

FIRST = "compute-01.example.net"
GPUS = [f"compute-{number:02}.example.net" for number in range(1, 6)]
VFS = [f"compute-{number:02}.example.net" for number in range(6, 9)]
SILENT = "compute-13.example.net"
OPEN_S = 2.0
FILTER_S = 0.2


def text(look, selector):
    return " ".join(look.page.inner_text(selector).split())


def focused(look):
    return look.page.evaluate("() => document.activeElement.id || document.activeElement.textContent")


def test_a_survey_is_shown(look):
    page = look("survey")
    assert text(page, "h1") == "PCI survey"
    assert text(page, "#made") == "Read 2026-11-24 21:00 UTC"
    assert text(page, "#summary").startswith("13 hosts, 6 kinds of hardware, 1 without answer")
    assert text(page, "#count") == "13 hosts, 306 functions"
    assert len(page.hosts()) == 13
    assert text(page, "#detail h2") == "The fleet"
    assert "No answer from compute-13.example.net." in text(page, "#detail .callout")
    assert page.page.inner_text("#detail pre").startswith("pci_passthrough_devices:\n")
    assert page.page.is_hidden("#state-field")


def test_findings_are_shown_with_hosts_that_have_no_devices(look):
    page = look("verified")
    assert [
        text(page, f"tr[data-host='{host}'] .badge")[2:] for host in ("compute-01.example.net", "controller-1")
    ] == ["failed", "ok"]
    page.page.click(f"#rows a:text-is('{FIRST}')")
    assert "driver of 0000:3b:00.0" in text(page, ".finding")
    assert "what to do run playbooks/site.yml" in text(page, ".finding")
    page.page.click("#rows a:text-is('controller-1')")
    assert "checked and not asked for its devices" in text(page, "#detail")


def test_a_host_is_drawn_by_node_and_group(look):
    page = look("survey", "#host=compute-12.example.net")
    assert text(page, "#detail h2") == "compute-12.example.net"
    groups = page.page.eval_on_selector_all(".group", "groups => groups.map((group) => group.innerText)")
    assert groups[0].startswith("Group 1\nneeded")
    assert "Never" in groups[0]
    assert "/boot/efi is mounted from nvme0n1p1" in groups[0]
    page = look("survey", f"#host={FIRST}")
    drawn = page.page.locator("#detail .device").count()
    page.page.click(".board summary")
    assert page.page.locator("#detail .device").count() > drawn


def test_virtual_functions_stand_together_until_they_are_opened(look):
    page = look("survey", f"#host={VFS[0]}")
    assert page.page.locator("#detail .device").count() < 20
    page.page.click(".bundle summary")
    assert page.page.locator(".bundle .device").count() > 20


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("compute-12", ["compute-12.example.net"]),
        ("10DE:1e81", GPUS),
        ("nouveau 0000:01:00.0", GPUS),
        ("compute-02 nouveau", GPUS[1:2]),
        ("compute-12 nouveau", []),
        ("no answer", [SILENT]),
        ("mpt3sas", ["compute-12.example.net"]),
    ],
)
def test_search(look, words, found):
    page = look("survey")
    assert page.search(words) == found
    assert page.page.is_visible("#nothing") == (not found)
    assert page.page.evaluate("new URLSearchParams(location.hash.slice(1)).get('q')") == words


def test_filters_and_the_way_out_of_them(look):
    page = look("verified")
    everybody = page.hosts()
    assert page.choose("#state", "failed") == [FIRST]
    assert text(page, "#count").startswith("1 of 14 hosts")
    assert page.choose("#state", "any") == everybody
    assert page.choose("#vendor", "10de")[:5] == GPUS
    assert page.choose("#verdict", "no") == []
    page.page.click("#clear-too")
    page.settle()
    assert page.hosts() == everybody
    page.page.check("#differ")
    page.settle()
    assert not set(GPUS) & set(page.hosts())
    page.page.click("#clear")
    page.page.check("#grouped")
    page.settle()
    assert page.hosts()[:2] == [FIRST, VFS[0]]
    assert "and 4 like it" in text(page, f"tr[data-host='{FIRST}']")


def test_sorting(look):
    page = look("survey")
    page.page.click("#heads button:text-is('Ready')")
    assert page.hosts()[:3] == VFS
    assert page.page.get_attribute("#heads th:nth-child(3)", "aria-sort") == "descending"


def test_a_link_leads_to_a_host_with_its_filters(look):
    page = look("survey", "#host=compute-06.example.net&q=8086&verdict=ready")
    assert text(page, "#detail h2") == "compute-06.example.net"
    assert (page.page.input_value("#q"), page.page.input_value("#verdict")) == ("8086", "ready")
    assert FIRST not in page.hosts()
    page.page.click("#rows tr:last-child a")
    page.page.go_back()
    assert text(page, "#detail h2") == "compute-06.example.net"


def test_the_keyboard_alone(look):
    page = look("survey")
    keys = page.page.keyboard
    keys.press("/")
    assert focused(page) == "q"
    keys.type("compute-0")
    page.settle()
    page.page.focus("#heads th:last-child button")
    keys.press("Tab")
    assert focused(page) == FIRST
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    assert focused(page) == GPUS[2]
    keys.press("End")
    assert focused(page) == "compute-09.example.net"
    keys.press("Home")
    outline = page.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    keys.press("Enter")
    assert focused(page) == "detail-title"
    assert text(page, "#detail h2") == FIRST
    page.page.focus("#q")
    keys.press("Escape")
    page.settle()
    assert len(page.hosts()) == 13


def test_the_declaration_is_copied(look, chromium):
    page = look("survey")
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.page.click("#detail button:text-is('Copy')")
    page.page.wait_for_selector("text=Copied.")
    assert page.page.evaluate("navigator.clipboard.readText()") == page.page.inner_text("#detail pre")


def test_light_and_dark_by_hand(look):
    page = look("survey")

    def ground():
        return page.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")

    light = ground()
    page.page.click("#theme")
    assert ground() == light
    page.page.click("#theme")
    assert text(page, "#theme") == "Theme: dark"
    assert ground() != light


LOOKS = [
    ("survey", ""),
    ("verified", ""),
    ("verified", f"#host={FIRST}"),
    ("verified", "#host=compute-12.example.net"),
    ("survey", f"#host={VFS[0]}"),
    ("survey", f"#host={SILENT}"),
    ("survey", "#q=nothing-of-this-name"),
    ("empty", ""),
]


@pytest.mark.parametrize(("name", "address"), LOOKS)
def test_every_view_is_whole_and_accessible(look, name, address):
    page = look(name, address)
    page.page.eval_on_selector_all("#detail details", "all => all.forEach((one) => { one.open = true; })")
    for width in (1280, 400):
        for scheme in ("light", "dark"):
            page.page.set_viewport_size({"width": width, "height": 900})
            page.page.emulate_media(color_scheme=scheme)
            page.settle()
            page.picture(f"{name}-{address[6:16] or 'fleet'}-{scheme}-{width}")
            assert page.cut() == [], (width, scheme)
            assert page.unfit() == [], (width, scheme)


@pytest.mark.parametrize("width", [1280, 400])
def test_hostile_words_are_words(look, width):
    page = look("hostile", "", width)
    page.page.on("dialog", lambda dialog: page.said.append(f"dialog: {dialog.message}"))
    for where in ("#rows", "#detail"):
        if where == "#detail":
            page.page.locator("#rows a").first.click()
        page.picture(f"hostile-{where[1:]}-{width}")
        assert page.page.locator("img").count() == 0
        assert page.page.locator("script").count() == 2
        assert "<script>alert(1)</script>" in page.page.inner_text(where)
        assert page.cut() == []
        assert page.unfit() == []


def seconds(session):
    """How long the page's own thread has worked by now; what other programs of the machine do does not count."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in metrics}["TaskDuration"]


def test_a_large_fleet_opens_and_filters_at_once(look, files):
    page = look("empty")
    session = page.page.context.new_cdp_session(page.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = seconds(session)
    page.file = files["large"]
    page.asked.clear()
    page.go()
    page.settle()
    took = {"open": seconds(session) - before}
    assert text(page, "#count") == "1,001 hosts, 50,000 functions"
    page.picture("large-fleet")

    def timed(what, do):
        before = seconds(session)
        do()
        took[what] = seconds(session) - before

    timed("search of one host", lambda: page.search("sn-0617-07"))
    assert page.hosts() == ["cmp0617.region-one.example.net"]
    timed("search of many", lambda: page.search("8086 ready 0"))
    timed("filter", lambda: page.choose("#verdict", "after"))
    timed("clear", lambda: (page.page.click("#clear"), page.settle()))
    timed("sort", lambda: (page.page.click("#heads button:text-is('After')"), page.settle()))
    timed("open a host", lambda: (page.page.locator("#rows a").first.click(), page.settle()))
    page.page.locator("#rows a").first.focus()
    page.page.keyboard.press("End")
    assert len(page.hosts()) == 1001
    print(
        json.dumps({what: round(value, 3) for what, value in took.items()}), f"{files['large'].stat().st_size:,} bytes"
    )
    assert took.pop("open") < OPEN_S
    assert max(took.values()) < FILTER_S, took


# What the checks above are worth: each of them sees a page that is broken in its way.


ADD_TEXT = """(style) => {
  const made = document.createElement("p");
  made.textContent = "too long to fit";
  made.style.cssText = style;
  document.querySelector("#detail").append(made);
}"""


def test_a_cut_text_is_seen(look):
    page = look("survey")
    for style in (
        "width: 30px; white-space: nowrap; overflow: hidden; display: block",
        "position: relative; left: 3000px",
    ):
        page.page.evaluate(ADD_TEXT, style)
        assert any("too long" in one for one in page.cut())
        page.page.evaluate("document.querySelector('#detail').lastChild.remove()")
    assert page.cut() == []


def test_a_nameless_field_and_a_pale_text_are_seen(look):
    page = look("survey")
    page.page.evaluate(
        "document.querySelector('label[for=q]').remove(); document.querySelector('#q').removeAttribute('placeholder')"
    )
    page.page.evaluate("document.querySelector('#count').style.color = '#ccc'")
    assert {one.partition(":")[0] for one in page.unfit()} >= {"label", "color-contrast"}


@pytest.mark.parametrize(
    "request_of",
    [
        "fetch('https://192.0.2.1/').catch(() => 0)",
        "new Image().src = 'https://192.0.2.1/a.png'",
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'alert(1)'}))",
    ],
)
def test_the_page_may_ask_nobody_and_run_nothing_else(look, request_of):
    page = look("survey")
    page.page.evaluate(f"() => {{ {request_of}; }}")
    page.page.wait_for_timeout(300)
    assert any("Content Security Policy" in line for line in page.said)
    page.said.clear()
    page.asked[:] = [url for url in page.asked if "192.0.2.1" not in url]
