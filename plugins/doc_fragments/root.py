# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option that names the machine to read."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  root:
    description:
      - The directory under which C(/sys), C(/proc), C(/boot) and the rest of the machine lie.
      - Anything but the default is for simulated machines, as the tests use them.
    type: path
    default: /
notes:
  - Run it as root. Without root the kernel hides serial numbers and what holds a device; the result names these
    attributes under C(unreadable) instead of leaving them empty.
  - It reads sysfs and procfs directly and needs no package besides Python on the host.
"""
