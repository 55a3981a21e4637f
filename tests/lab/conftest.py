"""The lab as a fixture, and which tests may run beside each other.

A test that compares whole listings has its host for itself. Those that keep to one host run in one
worker with the others of that host (`--dist loadgroup`); the rest, `whole_lab`, run alone.
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


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        hosts = hosts_of(item)
        if len(hosts) == 1:
            item.add_marker(pytest.mark.xdist_group(hosts.pop()))
        else:
            item.add_marker(pytest.mark.whole_lab)


def hosts_of(item: pytest.Item) -> set[str]:
    """By parameter, by a fixture that is called like a host, or by the marker `on`."""
    known = {HERE, *(host.name for host in HOSTS)}
    parameters = getattr(item, "callspec", None)
    named = {one for one in parameters.params.values() if one in known} if parameters else set()
    fixtures = set(getattr(item, "fixturenames", ()))
    if named or (named := known & fixtures):
        return named
    if marker := item.get_closest_marker("on"):
        return set(marker.args)
    return set() if "lab" in fixtures else {"nobody"}
