"""Chirp Auth beside Django's own password reset and django-allauth; `python -m bench.peers`."""
