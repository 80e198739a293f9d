"""Everything this package raises on purpose.

    EngineError
    ├── SpecError          a model's spec file is wrong
    ├── UnknownModel       no spec and no file of that name
    ├── ModelFileError     the model file is not what its spec says, or cannot be read
    ├── FetchError         no source delivered the model
    └── BackendError       the runtime that should execute the model is missing or refuses it

A message is one line: where, what was expected, what came, what to do.
"""


class EngineError(Exception):
    """Base of every error of the model side; its text is the whole message."""


class SpecError(EngineError):
    """A model's spec file is wrong."""


class UnknownModel(EngineError):
    """No spec and no file of that name exists."""


class ModelFileError(EngineError):
    """The model file cannot be read or is not what its spec says."""


class FetchError(EngineError):
    """No source delivered the model."""


class BackendError(EngineError):
    """The runtime that should execute the model is missing or refuses it."""
