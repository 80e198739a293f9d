"""Everything this package raises on purpose.

    PipelineError
    ├── ConfigError        the configuration or an argument is wrong; nothing has started (exit status 2)
    ├── SourceError        a camera, file or stream cannot be opened or read
    ├── RecordError        a journal, tracks file, truth file or output cannot be read or written
    ├── GalleryError       the gallery is damaged, locked, sealed with another key, or cannot be written
    │   ├── EncoderMismatch    the gallery holds vectors of another encoder
    │   └── DatabaseAway       the gallery's database cannot be reached right now (in `gallery.database`)
    └── MissingExtra       an optional dependency is not installed; the message names the command that installs it

A message is one line: where, what was expected, what came, what to do. The model side has its own tree in
`reid_engines.errors`.
"""


class PipelineError(Exception):
    """Base of every error that a user can act on; its text is the whole message."""


class ConfigError(PipelineError):
    """The configuration or an argument is wrong."""


class SourceError(PipelineError):
    """A camera's source cannot be opened or read."""


class RecordError(PipelineError):
    """A file that the pipeline reads or writes as a record is unusable."""


class GalleryError(PipelineError):
    """The gallery cannot be opened, read or written."""


class EncoderMismatch(GalleryError):
    """The gallery was filled by another encoder; its vectors cannot be compared."""


class MissingExtra(PipelineError):
    """An optional dependency is missing."""
