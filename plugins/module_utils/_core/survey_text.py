# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's survey for the terminal and as Markdown: hosts that are alike once, the devices by verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .declaration_draft import declaration_draft
from .fleet import Alike, Row, Survey, alike, is_wanted, warnings
from .listing import listed
from .survey import AFTER, NO, READY
from .terminal import counted, plain, wrapped

_WORDS = {READY: "can be passed through", AFTER: "could be, after something", NO: "must not be"}
_ORDER = (READY, AFTER, NO)


def survey_text(fleet: Mapping[str, Survey]) -> list[str]:
    """Return the summary as lines of at most WIDTH columns."""
    groups = alike(fleet)
    surveyed = sum(len(group.hosts) for group in groups)
    lines = [f"{counted(surveyed, 'host')} surveyed, {counted(len(groups), 'kind')} of hardware"]
    for group in groups:
        lines += ["", *wrapped(f"{counted(len(group.hosts), 'host')}: {listed(group.hosts)}", ""), *_group(group)]
    found = warnings(fleet)
    if found:
        lines += ["", "Worth knowing"]
        lines += [line for sentence in found for line in wrapped(sentence, "  - ")]
    return lines


def survey_markdown(fleet: Mapping[str, Survey]) -> list[str]:
    """Return the same as Markdown, with the declaration to start from."""
    lines = ["# PCI survey", ""]
    lines += [f"- {_cell(sentence)}" for sentence in warnings(fleet)]
    for group in alike(fleet):
        lines += ["", f"## {counted(len(group.hosts), 'host')}: {_cell(', '.join(group.hosts))}", ""]
        lines += [_cell(_iommu(group.survey)), ""]
        for step in group.survey["first"]:
            lines += [f"Before anything can be passed through here: {_cell(step)}", ""]
        lines += ["| device | ids | what | type | group | NUMA | driver | verdict | why, and what first |"]
        lines += ["|---|---|---|---|---:|---:|---|---|---|"]
        lines += [_markdown_row(row) for row in _shown(group.survey)]
        notes = [*group.survey["overrides"], *group.survey["advice"]]
        if notes:
            lines += ["", *(f"- {_cell(sentence)}" for sentence in notes)]
    return [*lines, "", "## A declaration to start from", "", "```yaml", *declaration_draft(fleet), "```"]


def _group(group: Alike) -> Iterable[str]:
    yield from wrapped(_iommu(group.survey), "  ")
    for step in group.survey["first"]:
        yield from wrapped(f"before anything can be passed through here: {step}", "  ")
    rows = _shown(group.survey)
    for verdict in _ORDER:
        mine = [row for row in rows if row["verdict"] == verdict]
        if mine:
            yield f"  {_WORDS[verdict]}:"
        for bundle in _bundles(mine):
            yield from _device(bundle)
    rest = len(group.survey["devices"]) - len(rows)
    if rest:
        yield f"  and {counted(rest, 'function')} of the board itself (bridges, system, management)"
    for sentence in (*group.survey["overrides"], *group.survey["advice"]):
        yield from wrapped(sentence, "  - ")


def _shown(survey: Survey) -> list[Row]:
    return [row for row in survey["devices"] if is_wanted(row)]


def _bundles(rows: Iterable[Row]) -> Iterable[list[Row]]:
    """Rows of which a person reads the same, as the virtual functions of one card."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        keys = ("vendor_id", "product_id", "device_type", "driver", "numa_node", "physical_function")
        same = (*(row[key] for key in keys), tuple(row["because"]), tuple(row["after"]))
        found.setdefault(same, []).append(row)
    return found.values()


def _device(bundle: list[Row]) -> Iterable[str]:
    row = bundle[0]
    addresses = row["address"] if len(bundle) == 1 else f"{row['address']} to {bundle[-1]['address']} ({len(bundle)})"
    groups = "" if row["iommu_group"] is None or len(bundle) > 1 else f", group {row['iommu_group']}"
    node = "" if row["numa_node"] is None else f", NUMA node {row['numa_node']}"
    functions = f", {row['sriov_numvfs'] or 0} of {row['sriov_totalvfs']} VFs" if row["sriov_totalvfs"] else ""
    guest = ", in a guest now" if row["in_guest"] else ""
    override = f", override: {row['override']}" if row["override"] else ""
    along = f", together with {listed(row['companions'])}" if row["companions"] else ""
    about = f"{row['device_type']}{groups}{node}, driver {row['driver'] or 'none'}{functions}{along}{guest}{override}"
    ids = f"{row['vendor_id'] or '????'}:{row['product_id'] or '????'}"
    yield from wrapped(f"{addresses}  {ids}  {row['name'] or row['kind']}", "    ")
    yield from wrapped(about, "      ")
    for reason in row["because"]:
        yield from wrapped(f"because it {reason}", "      ")
    for step in row["after"]:
        yield from wrapped(f"first: {step}", "      ")


def _iommu(survey: Survey) -> str:
    iommu = survey["iommu"]
    state = f"on ({iommu['kind'] or 'unknown kind'}, {iommu['groups']} groups)" if iommu["enabled"] else "off"
    return f"IOMMU {state}; kernel {survey['kernel_release']}"


def _markdown_row(row: Row) -> str:
    cells = (
        row["address"],
        f"{row['vendor_id'] or '????'}:{row['product_id'] or '????'}",
        row["name"] or row["kind"],
        row["device_type"],
        row["iommu_group"],
        row["numa_node"],
        row["driver"],
        _WORDS[row["verdict"]],
        "; ".join([*(f"it {reason}" for reason in row["because"]), *(f"first: {step}" for step in row["after"])]),
    )
    return "| " + " | ".join("" if cell is None else _cell(str(cell)) for cell in cells) + " |"


def _cell(text: str) -> str:
    """What Markdown takes for text and nothing else: names come from hosts."""
    one_line = " ".join(plain(text).split())
    return "".join(f"\\{letter}" if letter in "\\|`*_<>[]#" else letter for letter in one_line)
