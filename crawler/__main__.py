"""`python -m crawler` is `jukni`."""

import sys

from crawler.cli import main

sys.exit(main())
