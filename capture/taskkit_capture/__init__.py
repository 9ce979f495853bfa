"""The recorder of taskkit: not there yet.

This package holds its place and has no functions. Until it is written, taskkit reads logs of other recorders
(`taskkit.import_log`), any table (`taskkit.from_table`) and its own sample.
"""

__all__: list[str] = []
