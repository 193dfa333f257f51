"""Attacks that were really made, each kept as a test of what stops it now."""
