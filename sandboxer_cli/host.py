"""The one door to the host library, which lies in the collection.

Inside Ansible the collection loader must be there first (see docs/explanation); the program
itself never imports `ansible.plugins`, so a plain import is safe there.
"""

from __future__ import annotations

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import ids, lease, program

__all__ = ["ids", "lease", "program"]
