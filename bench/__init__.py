"""Measurements: figures to compare, taken on a real server; nothing here passes or fails."""
