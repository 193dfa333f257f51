"""Delivery: a mail is a row before it is a message; a worker turns the one into the other."""
