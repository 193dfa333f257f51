"""The people in the tests: Alice has an account, Mallory none."""

ALICE = "alice@example.com"
MALLORY = "mallory@example.com"
PASSWORD = "seven quiet herons"
NEW_PASSWORD = "eleven loud magpies"
