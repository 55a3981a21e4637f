import pytest

from tests.lab.command import LabError
from tests.lab.hosts import HOSTS, Host
from tests.lab.lab import status


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
