# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""[pci]alias as nova/pci/request.py (_get_alias_from_config, get_alias_from_config since 31.3.1) reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from .errors import NovaRefusal
from .model import DEVICE_TYPES
from .nearest import as_key, did_you_mean
from .nova_release import NovaVersion, first_with_alias_key, first_with_numa_policy
from .truth import truth

DEFAULT_NUMA_POLICY = "legacy"
MAX_NAME = 256
# nova/pci/utils.py PCI_VENDOR_PATTERN, searched as jsonschema does: other scripts' digits and a last line break pass.
_FOUR_DIGITS = re.compile(r"^([\da-fA-F]{4})$")
_EXAMPLE = '{"name": "a1", "vendor_id": "8086", "product_id": "154d", "device_type": "type-PF"}'


@dataclass(frozen=True)
class AliasSpec:
    """One line of [pci]alias; None where the line does not say.

    Shape: the ids as written (Nova compares them whatever their case), *live_migratable* "true" or "false".
    """

    name: str
    vendor_id: str | None = None
    product_id: str | None = None
    device_type: str | None = None
    numa_policy: str | None = None
    resource_class: str | None = None
    traits: str | None = None
    live_migratable: str | None = None
    capability_type: str | None = None  # no pool of devices has this key, so an alias with it never matches any

    @property
    def has_ids(self) -> bool:
        return self.vendor_id is not None and self.product_id is not None

    def to_json(self) -> str:
        """The value to write behind ``alias =``; parse_alias() reads the same record in it."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return json.dumps({key: text for key, text in given.items() if text is not None})


Aliases = dict[str, tuple[str, tuple[AliasSpec, ...]]]  # by name: NUMA policy, and the lines of which one must hold


def parse_alias(value: str, version: NovaVersion) -> AliasSpec:
    """Return what that release reads in one line's *value*; NovaRefusal (PciInvalidAlias) where it refuses the line."""
    given = _object(value)
    for key in given:
        if key not in version.alias_keys:
            raise _unknown_key(value, key, version)
    if "name" not in given:
        raise _refusal(value, "has no name", 'Add "name": "..."')
    for key, content in given.items():
        if not isinstance(content, str):
            raise _refusal(value, f"has {json.dumps(content)} as {key}, which is no text", "Put it in quotes")
        _check(value, key, content, version)
    spec = AliasSpec(**given)
    live = None if spec.live_migratable is None else _boolean(value, spec.live_migratable)
    return replace(spec, name=spec.name.strip(), live_migratable=live)


def read_aliases(values: Sequence[str], version: NovaVersion, pci_in_placement: bool = False) -> Aliases:
    """Return all aliases of *values*, the lines in the order of oslo.config; NovaRefusal where Nova refuses them all.

    Nova takes all or none: one bad line makes every alias unusable.
    """
    aliases: Aliases = {}
    for value in values:
        spec = parse_alias(value, version)
        policy = spec.numa_policy or DEFAULT_NUMA_POLICY
        if spec.name not in aliases:
            aliases[spec.name] = (policy, (spec,))
            continue
        former_policy, former = aliases[spec.name]
        _check_repeated(value, spec, former[0], policy, former_policy)
        aliases[spec.name] = (former_policy, (*former, spec))
    if version.checks_alias_at_start:
        _check_whole(aliases, pci_in_placement)
    return aliases


def _refusal(value: object, problem: str, fix: str) -> NovaRefusal:
    return NovaRefusal(value, problem, fix, "PciInvalidAlias")


def _object(value: str) -> dict[str, Any]:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise _refusal(value, f"is no JSON ({error})", f"Write it like {_EXAMPLE}") from error
    if not isinstance(found, dict):
        raise _refusal(value, "is no JSON object", f"Write one object in each alias line, like {_EXAMPLE}")
    return found


def _unknown_key(value: str, key: str, version: NovaVersion) -> NovaRefusal:
    first = first_with_alias_key(key)
    if first is not None:
        return _refusal(value, f"has the key {key!r}, which only {first.label} and later know", f"Remove {key}")
    keys = sorted(version.alias_keys)
    fix = did_you_mean(as_key(key), keys, f"The keys are {', '.join(keys)}", 0.6)
    return _refusal(value, f"has the unknown key {key!r}", fix)


def _check(value: str, key: str, content: str, version: NovaVersion) -> None:
    """nova/pci/request.py _ALIAS_SCHEMA."""
    if key == "name" and not 1 <= len(content) <= MAX_NAME:
        raise _refusal(value, f"has a name of {len(content)} characters", f"Use 1 to {MAX_NAME}")
    if key in ("vendor_id", "product_id") and _FOUR_DIGITS.search(content) is None:
        fix = "Write the four digits that lspci -nn prints, without 0x; an alias knows no *"
        raise _refusal(value, f"has {content!r} as {key}, which is not four hexadecimal digits", fix)
    if key == "device_type" and content not in DEVICE_TYPES:
        fix = f"Write one of {', '.join(DEVICE_TYPES)}"
        raise _refusal(value, f"has {content!r} as device_type, which Nova does not know", fix)
    if key == "numa_policy" and content not in version.numa_policies:
        first = first_with_numa_policy(content)
        who = "Nova does not know" if first is None else f"only {first.label} and later know"
        fix = f"Write one of {', '.join(sorted(version.numa_policies))}"
        raise _refusal(value, f"has {content!r} as numa_policy, which {who}", fix)
    if key == "capability_type" and content != "pci":
        raise _refusal(value, f"has {content!r} as capability_type, which can only be pci", "Remove capability_type")


def _boolean(value: str, content: str) -> str:
    found = truth(content)
    if found is None:
        raise _refusal(value, f"has {content!r} as live_migratable, which is neither yes nor no", "Write yes or no")
    return "true" if found else "false"


def _check_repeated(value: str, spec: AliasSpec, first: AliasSpec, policy: str, first_policy: str) -> None:
    if policy != first_policy:
        problem = (
            f"repeats the alias {spec.name!r} with numa_policy {policy}, which is {first_policy} in its first line"
        )
        raise _refusal(value, problem, "Give both lines the same numa_policy, or use two names")
    if spec.device_type is None or first.device_type is None:
        problem = f"repeats the alias {spec.name!r}, and not both lines have a device_type"
        raise _refusal(value, problem, "Remove one of the lines, or give both the same device_type")
    if spec.device_type != first.device_type:
        problem = (
            f"repeats the alias {spec.name!r} with device_type {spec.device_type}, which is {first.device_type} first"
        )
        raise _refusal(value, problem, "Give both lines the same device_type, or use two names")


def _check_whole(aliases: Aliases, pci_in_placement: bool) -> None:
    """nova/pci/request.py _validate_multispec, _validate_required_ids (31.3.1 and later)."""
    for name, (_policy, specs) in aliases.items():
        if pci_in_placement and len(specs) > 1:
            fix = "Keep one line for each alias and give the devices of the other lines the same resource_class"
            raise _refusal(name, "has several alias lines, which pci_in_placement does not allow", fix)
    for name, (_policy, specs) in aliases.items():
        if any(not spec.has_ids and not (pci_in_placement and spec.resource_class is not None) for spec in specs):
            other = ", or resource_class" if pci_in_placement else ""
            raise _refusal(name, "is an alias without vendor_id and product_id", f"Add vendor_id and product_id{other}")
