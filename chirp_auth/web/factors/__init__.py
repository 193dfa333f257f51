"""The pages of second factors: signing in by them, setting them up, and coming back without them."""
