"""The server with short times, for tests that wait for them; `python -m tests.support.impatient_server`."""

from chirp_auth.server import connection_guard, request_body, serve

# At the top, so that serving processes that start afresh have them too.
serve.HEADER_MILLISECONDS = 2_000
request_body.GRACE_SECONDS = 2.0
request_body.MAX_SECONDS = 3.0
connection_guard.MAX_CONNECTIONS = 1_500

if __name__ == "__main__":
    serve.main()
