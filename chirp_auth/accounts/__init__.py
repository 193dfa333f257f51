"""The rules: what a user can do, one file each, free of HTTP. A rule commits, once, last."""
