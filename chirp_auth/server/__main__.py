"""`python -m chirp_auth.server`: what `make run` and `make serve` start."""

from chirp_auth.server.serve import main

if __name__ == "__main__":
    main()
