"""Around the application: logs, health, metrics, databases."""
