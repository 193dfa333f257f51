"""Commands of a developer, none of which the application imports."""
