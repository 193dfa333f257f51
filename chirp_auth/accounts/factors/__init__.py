"""The rules of second factors: authenticator app, recovery codes, passkeys, and the way back without them."""
