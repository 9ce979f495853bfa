"""The recorder of taskkit: a UI log with the consent of the person in front of the screen, and without their content.

It is used by its command, `taskkit-capture`. It stamps, redacts and stores; names and meaning are given when the log is
read. Data flows one way: sources → assembly (rows) → cleaning (what may be written) → chunks (files).
"""

VERSION = "0.1.0"

__all__ = ["VERSION"]
