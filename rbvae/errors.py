"""The exceptions of this library; their messages quote the wrong value and say how to fix it.

RbvaeError
├── ConfigError         a setting is out of range or contradicts another
├── ImageError          a file or array is not a usable picture
├── FaceNotFoundError   no face was found in a photo
├── LandmarkerError     the face landmarker is not available or failed
├── CheckpointError     a checkpoint is missing, truncated or does not match its config
├── DatasetError        a folder does not contain the expected data
└── TrainingError       a run diverged or cannot be resumed
"""


class RbvaeError(Exception):
    """Base class of all errors of this library; `str()` is one line that a user can act on."""


class ConfigError(RbvaeError):
    """A setting is out of range or contradicts another."""


class ImageError(RbvaeError):
    """A file or array is not a usable picture."""


class FaceNotFoundError(RbvaeError):
    """No face was found in a photo."""


class LandmarkerError(RbvaeError):
    """The face landmarker is not available or failed."""


class CheckpointError(RbvaeError):
    """A checkpoint is missing, truncated or does not match its config."""


class DatasetError(RbvaeError):
    """A folder does not contain the expected data."""


class TrainingError(RbvaeError):
    """A run diverged or cannot be resumed."""


LONGEST, LONGEST_PATH = 80, 250  # characters of a name or a value, and of a path, in a message


def shown(name: str, longest: int = LONGEST) -> str:
    """Make a name printable, on one line and not too long, for use in a message."""
    plain = "".join(letter if letter.isprintable() else "_" for letter in name)
    return plain if len(plain) <= longest else f"{plain[: longest - 10]}...{plain[-7:]}"


def shown_path(path: object) -> str:
    """Make a path printable and on one line, for use in a message; only a very long one is shortened."""
    return shown(str(path), LONGEST_PATH)


def quoted(value: object) -> str:
    """Return the repr of any value, shortened, for use in a message."""
    try:
        return shown(repr(value))
    except (RecursionError, ValueError):  # deeply nested lists, and numbers of thousands of digits
        return f"a {type(value).__name__}"
