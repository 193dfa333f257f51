"""Real servers for the tests: each starts on demand, stops for certain and leaves nothing behind."""
