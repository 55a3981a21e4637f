# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python package beside ansible-core. It and the collection may come by different ways, an
execution environment and a project; they work together only when they are of one version."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from ansible.errors import AnsibleActionFail

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.program import VERSION


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Rooms of `sandboxer_cli` are imported below this only.

    Raises AnsibleActionFail with the line that installs the package of the right version.
    """
    try:
        from sandboxer_cli import __version__ as found

        if found != VERSION:
            raise _refusal(f"the Python package sand-boxer {found} is beside ansible-core")
        yield
    except ImportError as error:
        raise _refusal(f"the Python package sand-boxer is not there ({error})") from error


def _refusal(what: str) -> AnsibleActionFail:
    line = f"{sys.executable} -m pip install sand-boxer=={VERSION}"
    error = {
        "code": "package_version",
        "message": f"{what}, and this collection needs {VERSION}",
        "hint": f"install it: {line}",
        "retryable": False,
        "stage": "",
    }
    return AnsibleActionFail(
        f"{error['message']}; install it: {line}", result={"sandboxer_error": error}
    )
