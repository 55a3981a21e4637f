# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each attribute of our modules means. How far it is kept, a module says itself."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and say what would change, without changing anything.
  diff_mode:
    description: Shows what has changed, or in check mode would change, when in diff mode.
  idempotent:
    description: The same task once more changes nothing.
  action:
    description: Has a half that runs on the controller.
"""

    GROUP = r"""
options: {}
attributes:
  action_group:
    description: Takes the defaults of its group in C(module_defaults).
    support: full
    membership: [coulomb.sandboxer.sandboxer]
"""
