"""Every way in which sand-boxer says no: a code, an exit status, one sentence, a hint.

The class is the kind (what a script reacts to, by exit status); `code` is the exact cause.
A new cause is a new code on an existing class; a new class is a new kind and a change of
the contract.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar


@dataclass(frozen=True)
class ErrorDetail:
    """What an error says, as it stands in every JSON answer below the key `error`."""

    code: str
    message: str
    hint: str = ""
    retryable: bool = False
    stage: str = ""

    def as_dict(self) -> dict[str, str | bool]:
        return asdict(self)


class SandboxerError(Exception):
    """A fault of ours, and the root of all the others."""

    code: ClassVar[str] = "internal"
    exit_status: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        code: str | None = None,
        stage: str = "",
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.detail = ErrorDetail(
            code=code or self.code,
            message=message,
            hint=hint,
            retryable=self.retryable if retryable is None else retryable,
            stage=stage,
        )


class Usage(SandboxerError):
    """Words, files or profiles that can't be right on any host."""

    code, exit_status = "usage", 2


class ConnectionRefused(SandboxerError):
    """SSH answered, and the answer was no: host key, key, become."""

    code, exit_status = "ssh", 3


class NotFound(SandboxerError):
    """There is no such sandbox, host or run."""

    code, exit_status = "not_found", 4


class Conflict(SandboxerError):
    """What is there is not what was asked for: another content, expired, fenced."""

    code, exit_status = "conflict", 5


class CapacityExceeded(SandboxerError):
    """The host, a quota or a balance has no room for it."""

    code, exit_status, retryable = "capacity", 6, True


class ProvisioningFailed(SandboxerError):
    """It could not be made; what had been made was taken away again."""

    code, exit_status = "provisioning_failed", 7


class NotReady(SandboxerError):
    """Made, running, and never ready in its time."""

    code, exit_status = "not_ready", 8


class ResidueLeft(SandboxerError):
    """Something was left behind, and the answer says what."""

    code, exit_status, retryable = "residue", 10, True


class HostUnreachable(SandboxerError):
    """The host gave no answer, which says nothing about what is on it."""

    code, exit_status, retryable = "host_unreachable", 11, True


class TryAgain(SandboxerError):
    """Not now: somebody else is at work, or the reaper is late."""

    code, exit_status, retryable = "try_again", 12, True


class DeadlineExceeded(SandboxerError):
    """The whole of the verb took longer than it may."""

    code, exit_status, retryable = "deadline", 124, True


class Cancelled(SandboxerError):
    """Somebody asked for it to stop."""

    code, exit_status = "cancelled", 130


# What the host library calls its errors -> the class that says so here.
HOST_ERRORS: dict[str, type[SandboxerError]] = {
    "internal": SandboxerError,
    "usage": Usage,
    "broken_record": SandboxerError,
    "newer_record": Usage,
    "account_unsupported": Usage,
    "host_unsupported": Usage,
    "not_found": NotFound,
    "conflict": Conflict,
    "expired": Conflict,
    "fenced": Conflict,
    "not_running": Conflict,
    "ports_exhausted": CapacityExceeded,
    "networks_exhausted": CapacityExceeded,
    "disk_full": CapacityExceeded,
    "engine_missing": ProvisioningFailed,
    "compose_program_missing": ProvisioningFailed,
    "too_old": ProvisioningFailed,
    "compose_failed": ProvisioningFailed,
    "engine_failed": ProvisioningFailed,
    "image_unavailable": ProvisioningFailed,
    "build_failed": ProvisioningFailed,
    "source_broken": ProvisioningFailed,
    "source_outside": Usage,
    "source_not_sent": TryAgain,
    "source_changed": TryAgain,
    "file_missing": ProvisioningFailed,
    "service_exited": ProvisioningFailed,
    "job_died": ProvisioningFailed,
    "sandbox_died": ProvisioningFailed,
    "confinement_failed": ProvisioningFailed,
    "run_account_missing": ProvisioningFailed,
    "packages_missing": ProvisioningFailed,
    "ip_failed": ProvisioningFailed,
    "account_failed": ProvisioningFailed,
    "reaper_failed": ProvisioningFailed,
    "not_ready": NotReady,
    "residue": ResidueLeft,
    "reaper_late": TryAgain,
    "host_rebooted": TryAgain,
    "busy": TryAgain,
    "deadline": DeadlineExceeded,
    "cancelled": Cancelled,
}


def from_host(detail: dict[str, object]) -> SandboxerError:
    """The error that a host answered with, as one of ours. An unknown code is a fault of ours."""
    code = str(detail.get("code", "internal"))
    kind = HOST_ERRORS.get(code, SandboxerError)
    return kind(
        str(detail.get("message", "the host failed without a message")),
        str(detail.get("hint", "")),
        code=code,
        stage=str(detail.get("stage", "")),
        retryable=bool(detail.get("retryable", kind.retryable)),
    )
