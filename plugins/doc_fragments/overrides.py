# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option that hands out a device against what the host looks like."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  overrides:
    description:
      - Devices to hand out although the host seems to need them, each a mapping of C(address), one exact PCI address,
        and C(reason), which is printed with every plan.
      - Never covers what carries C(/) or C(/boot), the default route or the Ansible connection, a bridge, or a device
        that a guest holds.
    type: raw
    default: []
"""
