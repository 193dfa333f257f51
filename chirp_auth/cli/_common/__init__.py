"""What all commands share: how they ask, what they print, and the streams that they find."""
