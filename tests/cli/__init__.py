"""The operators' face, as an operator meets it: arguments, standard input, output and exit codes."""
