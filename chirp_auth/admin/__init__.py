"""Rules of operators: what they, or the worker for them, do to accounts, mails and records."""
