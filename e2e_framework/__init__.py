"""The deprecated entry to validations. RUNBOOK.md says what to type today."""
