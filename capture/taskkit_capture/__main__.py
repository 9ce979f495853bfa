"""python -m taskkit_capture"""

from taskkit_capture.cli import main

raise SystemExit(main())
