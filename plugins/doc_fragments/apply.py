# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that carry out a plan have in common."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  state:
    description: Whether the plan holds on the host.
    type: str
    choices: [present, absent]
    default: present
  plan:
    description: The plan.
    type: dict
  root:
    description: The directory that holds the host. Anything but V(/) is for tests; only tools below it are run then.
    type: path
    default: /
  timeout:
    description: Seconds that each tool may take.
    type: int
    default: 900
  lock_timeout:
    description: Seconds to wait for another run on the same host before giving up.
    type: int
    default: 60
attributes:
  check_mode:
    description: Returns exactly the RV(ignore:actions) of the run that would follow, and changes nothing.
    support: full
  diff_mode:
    description: Returns each file before and after.
    support: full
  platform:
    description: Linux with PCI devices.
    support: full
    platforms: linux
"""
