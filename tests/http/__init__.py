"""What both web faces stand on."""
