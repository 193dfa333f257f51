"""The behaviour of Chirp Auth, sentence by sentence."""
