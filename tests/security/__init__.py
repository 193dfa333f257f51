"""Attacks: each promise of docs/security.md, put to the test by somebody who doubts it."""
