"""Profiles: what a sandbox is made of, and how a request becomes a document for the host."""
