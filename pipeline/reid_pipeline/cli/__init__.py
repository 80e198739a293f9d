"""The command line: `reid-pipeline`. Nothing heavy is imported before a command needs it."""

from reid_pipeline.cli.app import main

__all__ = ["main"]
