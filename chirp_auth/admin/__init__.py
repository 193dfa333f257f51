"""Rules of operators: what they do to accounts, mails and records, and what the worker does in their place."""
