"""All that is wrong with a contract, as far as can be told without a host."""

from __future__ import annotations

from pathlib import Path

from ..errors import Usage
from ..profiles.fault import Fault, of_usage
from ..profiles.resolve import resolve
from .load import FILE, judge
from .services import resolve_request, service_faults


def faults(repository: Path) -> list[Fault]:
    """In the order of the file; then what is wrong with profile and compose file.

    Raises Usage: `contract_missing`.
    """
    found = judge(repository)
    if isinstance(found, list):
        return found
    try:
        document = resolve(resolve_request(found, repository)).document
    except Usage as error:
        return [of_usage(error, FILE)]
    return service_faults(found, document["services"])
