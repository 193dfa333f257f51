"""What the commands share: prompts, output, exports, standard streams."""
