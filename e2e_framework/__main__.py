"""`python -m e2e_framework`, as it was typed before there was `validate`."""

import sys

# Python puts the current folder first, and that is often the repository under test: nothing of it
# may run here.
if not sys.flags.safe_path:
    del sys.path[0]

from e2e_framework import shim

shim.main()
