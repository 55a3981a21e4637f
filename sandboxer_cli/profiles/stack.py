"""A profile's own stack, and whether its probes can be asked."""

from __future__ import annotations

from collections.abc import Mapping

from ..compose.interpolation import Interpolation
from ..compose.notes import Note
from ..compose.rebuild import rebuild
from ..compose.stack import Stack
from .fault import Fault, dotted, place_of
from .load import Loaded
from .model import Setting
from .settings import as_text


def own_stack(loaded: Loaded, values: Mapping[str, Setting]) -> tuple[Stack, tuple[Note, ...]]:
    """The stack that the profile carries, with the values in the place of `${name}`, and where
    it differs from what is written.

    Raises Usage: what a compose file can be refused for.
    """
    assert loaded.profile.stack is not None  # noqa: S101
    variables = {key: as_text(value) for key, value in values.items()}
    noted: dict[str, Note] = {}
    tree = Interpolation(variables, noted).tree(loaded.profile.stack)
    stack = rebuild(tree, variables=variables)
    return stack, (*noted.values(), *stack.notes)


def probe_faults(loaded: Loaded, stack: Stack) -> list[Fault]:
    """A probe goes to a service, and through a published port: both have to be there."""
    found = []
    for number, probe in enumerate(loaded.profile.probes):
        service = stack.services.get(probe.service)
        if service is None:
            what = f"there is no service {probe.service}"
            hint = "there are " + ", ".join(stack.services)
        elif probe.port is None or probe.port in [
            port.target for port in service.ports if port.protocol == "tcp"
        ]:
            continue
        else:
            what = f"port {probe.port} of {probe.service} isn't published"
            hint = f"write it below the service's ports: '{probe.port}'"
        path: list[str | int] = ["probes", number]
        found.append(Fault(dotted(path), what, place_of(loaded.tree, path), hint))
    return found
