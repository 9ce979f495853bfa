"""`python -m taskkit.cli` is the command `taskkit`."""

import sys

from taskkit.cli import main

sys.exit(main())
