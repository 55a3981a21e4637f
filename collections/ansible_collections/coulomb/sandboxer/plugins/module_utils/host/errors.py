"""One error for everything that a host can refuse or fail at."""

from __future__ import annotations


class HostError(Exception):
    """A sentence, a hint, and a code that the controller maps to an exit status.

    `code` is one of the names in `sandboxer_cli.errors.HOST_ERRORS`; `stage` is the phase of
    a job in which it happened, empty elsewhere.
    """

    def __init__(
        self, code: str, message: str, hint: str = "", retryable: bool = False, stage: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.retryable = retryable
        self.stage = stage

    def as_dict(self) -> dict[str, object]:
        return {
            "code": self.code,
            "message": str(self),
            "hint": self.hint,
            "retryable": self.retryable,
            "stage": self.stage,
        }
