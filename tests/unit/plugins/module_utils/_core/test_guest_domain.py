# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.guest_domain import (
    GuestDomain,
    merge_guests,
    parse_domain,
)

UUID = "5f2f7a30-7c53-4a7e-9d0a-6a3d6f3b1c55"
DOMAIN = f"""
<domain type='kvm'>
  <name>instance-00000007</name>
  <uuid>{UUID.upper()}</uuid>
  <devices>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <driver name='vfio'/>
      <source><address domain='0x0000' bus='0x3b' slot='0x1f' function='0x7'/></source>
      <address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>
    </hostdev>
    <hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>
    <interface type='hostdev' managed='yes'>
      <source><address type='pci' domain='0x0000' bus='0x04' slot='0x10' function='0x0'/></source>
    </interface>
    <interface type='bridge'><source bridge='br0'/></interface>
  </devices>
</domain>"""
STATUS = f"<domstatus state='running' reason='booted' pid='8'><monitor/>{DOMAIN}</domstatus>"


def test_what_is_defined_and_what_runs() -> None:
    devices = (parse_address("0000:3b:1f.7"), parse_address("0000:04:10.0"))
    assert parse_domain(DOMAIN) == GuestDomain(UUID, "instance-00000007", False, devices)
    assert parse_domain(STATUS) == GuestDomain(UUID, "instance-00000007", True, devices)


def test_a_guest_without_devices() -> None:
    assert parse_domain("<domain><uuid>x</uuid></domain>") == GuestDomain("x", "", False, ())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is no XML (no element found: line 1, column 0)"),
        ("<domain>", "is no XML (no element found: line 1, column 8)"),
        ("<network/>", "describes no guest"),
        ("<domain/>", "describes no guest"),
        (DOMAIN.replace("0x3b", "zz"), "has a PCI address that is none (invalid literal for int() with base 0: 'zz')"),
    ],
)
def test_what_is_no_guest(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the whole text is compared
        parse_domain(text)
    assert str(caught.value) == problem


def test_a_guest_that_runs_is_told_of_as_it_runs() -> None:
    runs, defined = parse_domain(STATUS), parse_domain(DOMAIN)
    other = GuestDomain("a", "instance-00000001", False, ())
    assert merge_guests([runs, defined, other]) == (other, runs)
    assert merge_guests([defined, runs]) == (runs,)
