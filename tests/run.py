# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the checks and the demo of this repository with nothing but the system's Python; docs/testing.md explains."""

from __future__ import annotations

import sys

from ladder.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
