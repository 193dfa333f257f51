"""The JSON face: one set of views, and a dialect for each contract that clients rely on."""
