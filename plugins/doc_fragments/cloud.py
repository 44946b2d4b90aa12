# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option that names the cloud, and where credentials come from."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  cloud:
    description:
      - The cloud's name in C(clouds.yaml), which openstacksdk looks for in the current directory, in C(~/.config/openstack)
        and in C(/etc/openstack), or at E(OS_CLIENT_CONFIG_FILE).
      - Without it the environment counts as for the openstack client, E(OS_CLOUD) or E(OS_AUTH_URL) and its like.
    type: str
requirements:
  - openstacksdk, in the Python that runs the module (on localhost that of ansible-playbook)
notes:
  - Run it where the cloud's endpoints can be reached, mostly with C(delegate_to=localhost) and C(become=false).
  - The credentials need the role C(admin); a token is asked for before anything else.
  - Nova must be Victoria (22) or newer.
"""
