"""Tools of the rules: passwords, tokens, the audit trail and limits. They add to a transaction, never commit."""
