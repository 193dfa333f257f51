"""What both web faces stand on: a request's context, routing, bodies, headers and error handlers."""
