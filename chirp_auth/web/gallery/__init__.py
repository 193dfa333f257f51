"""The gallery of development: every state of every page and every kind of mail, in each language, light and dark."""
