"""Files that only their owner may read, and that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from taskkit.errors import LogFileError


@contextmanager
def private_file(path: Path) -> Iterator[Path]:
    """An empty file of mode 0600 beside `path` to write to; it takes the place of `path` when all went well."""
    passing = path.parent / f".{path.name}.{secrets.token_hex(4)}.part"
    try:
        os.close(os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield passing
        os.replace(passing, path)
    except OSError as error:
        raise LogFileError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        passing.unlink(missing_ok=True)
