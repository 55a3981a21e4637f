"""Validation: what a repository's e2e/e2e.yml says, and what becomes of it."""
