"""sand-boxer: short-lived sandboxes on hosts that people already own."""

__version__ = "0.1.0"
