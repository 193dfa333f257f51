"""The server: checks the settings, migrates, and serves."""
