"""What can go wrong, as types whose text quotes the value and names the fix.

RbvaeError
├── ConfigError         a setting is out of range or contradicts another
├── ImageError          a file or array is not a picture that can be used
├── FaceNotFoundError   a photo holds no face the landmarker can find
├── LandmarkerError     the face landmarker's model bundle is missing or altered
├── CheckpointError     a checkpoint is missing, truncated or does not match its config
├── DatasetError        a folder does not hold the data it should
└── TrainingError       a run diverged or cannot be resumed
"""


class RbvaeError(Exception):
    """Anything this project refuses; `str()` is one line a user can act on."""


class ConfigError(RbvaeError):
    """A setting is out of range or contradicts another."""


class ImageError(RbvaeError):
    """A file or array is not a picture that can be used."""


class FaceNotFoundError(RbvaeError):
    """A photo holds no face the landmarker can find."""


class LandmarkerError(RbvaeError):
    """The face landmarker's model bundle is missing or altered."""


class CheckpointError(RbvaeError):
    """A checkpoint is missing, truncated or does not match its config."""


class DatasetError(RbvaeError):
    """A folder does not hold the data it should."""


class TrainingError(RbvaeError):
    """A run diverged or cannot be resumed."""


LONGEST = 80  # letters of a name or a value in a sentence


def shown(name: str, longest: int = LONGEST) -> str:
    """A name as it may stand in a sentence: one line, and not too long."""
    plain = "".join(letter if letter.isprintable() else "_" for letter in name)
    return plain if len(plain) <= longest else f"{plain[: longest - 10]}...{plain[-7:]}"


def quoted(value: object) -> str:
    """A value as it may stand in a sentence, whoever sent it."""
    try:
        return shown(repr(value))
    except (RecursionError, ValueError):  # lists in lists in lists, and numbers of thousands of digits
        return f"a {type(value).__name__}"
