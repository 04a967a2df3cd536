"""Objects of a caller that hold pixels → NumPy arrays: tensors, Pillow's pictures, buffers, and NumPy's own kinds of arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.errors import DlicError

PILLOW_MODES = ("L", "LA", "RGB", "RGBA")  # Pillow's modes whose array is what dlic takes


def as_array(image: Any) -> NDArray[Any]:
    """`image` as a plain NumPy array of its own type and shape, without a copy where that is possible.

    Takes an array of any subclass, and any object with NumPy's array interface or a buffer. Raises DlicError for a masked array
    with hidden values, for a picture of Pillow whose mode needs a conversion, and for anything else.
    """
    if isinstance(image, np.ma.MaskedArray) and np.ma.is_masked(image):
        raise DlicError("an image must not have masked values; image.filled(value) gives them one")
    if isinstance(image, np.ndarray):
        return image.view(np.ndarray) if type(image) is not np.ndarray else image
    mode = getattr(image, "mode", None)
    if type(image).__module__.partition(".")[0] == "PIL" and mode not in PILLOW_MODES:
        raise DlicError(f"a picture of Pillow must have the mode {', '.join(PILLOW_MODES)}, not {mode}; convert() gives it one")
    if not _holds_an_array(image):
        raise DlicError(f"an image must be a uint8 array of shape (height, width) or (height, width, 2 … 4), not {_kind(image)}")
    try:
        return np.asarray(image)
    except (
        Exception
    ) as error:  # a caller's object raises what it likes: TypeError for tensors on a GPU, RuntimeError with gradients
        raise DlicError(f"an image of type {_kind(image)} does not give its array: {str(error).partition(chr(10))[0]}") from error


def _holds_an_array(image: Any) -> bool:
    if isinstance(image, memoryview):
        return image.ndim > 1
    return any(hasattr(type(image), name) or hasattr(image, name) for name in ("__array__", "__array_interface__"))


def _kind(image: Any) -> str:
    return type(image).__name__
