"""The worker: delivers mail and does the periodic jobs. It calls the rules by name."""
