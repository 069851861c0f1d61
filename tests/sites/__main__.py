"""Start a site by hand and keep it running until Ctrl-C:  python -m tests.sites wikis"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.sites import dokuwiki

SITES = ("wikis",)


def main() -> int:
    if sys.argv[1:] not in [[name] for name in SITES]:
        print(f"usage: python -m tests.sites {'|'.join(SITES)}", file=sys.stderr)
        return 2
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = stack.enter_context(dokuwiki.wikis(folder, now=int(time.time())))
        print(running.url(running.wikhan.path))
        print(running.url(running.autre.path), flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    sys.exit(main())
