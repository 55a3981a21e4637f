"""The lab as a fixture, and which tests may run beside each other.

A test that compares whole listings has its host for itself. Those that keep to one host get its
name as a marker, and `make lab` runs one process for each; the rest, `whole_lab`, run alone.
"""

import pytest

from tests.lab.command import LabError
from tests.lab.hosts import HOSTS, Host
from tests.lab.lab import status
from tests.lab.places import HERE


@pytest.fixture(scope="session")
def lab() -> dict[str, Host]:
    """The hosts by name. A lab that isn't up is a failure, not something to skip."""
    try:
        found = status()
    except (LabError, OSError) as error:
        found = {"lab": str(error)}
    amiss = [f"{name}: {state}" for name, state in found.items() if state != "running"]
    if amiss:
        pytest.fail(f"the lab isn't up ({', '.join(amiss)}): run `make lab-up`", pytrace=False)
    return {host.name: host for host in HOSTS}


def pytest_itemcollected(item: pytest.Item) -> None:
    hosts = hosts_of(item)
    item.add_marker(hosts.pop() if len(hosts) == 1 else "whole_lab")


def hosts_of(item: pytest.Item) -> set[str]:
    """By parameter, by a fixture that is called like a host, or by the marker `on`."""
    names = {HERE: "here", **{host.name: host.name for host in HOSTS}}
    parameters = getattr(item, "callspec", None)
    values = parameters.params.values() if parameters else ()
    fixtures = getattr(item, "fixturenames", ())
    if named := {names[one] for one in [*values, *fixtures] if one in names}:
        return named
    if marker := item.get_closest_marker("on"):
        return {names[marker.args[0]]}
    return set() if "lab" in fixtures else {"here"}
