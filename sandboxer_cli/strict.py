"""What all models of files that people write are."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """No unknown key, no value made to fit, nothing changed later."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
