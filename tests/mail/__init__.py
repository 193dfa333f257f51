"""Delivery, over a real mail server and from real processes."""
