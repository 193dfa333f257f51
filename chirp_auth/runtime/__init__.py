"""What a running process needs around the application: logs, health, metrics and databases."""
