"""Opens and decodes image files with Pillow. It leaves Pillow's global settings alone and raises one kind of error."""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from PIL import Image, ImageFile, UnidentifiedImageError

from dlic.errors import UnreadableImageError
from dlic.images.pillow.plugins import plugin_for

HEAD = 64  # bytes that tell whether a file needs a plugin of another package
PREFIX = 16  # bytes by which Pillow's plugins recognise their files


def open_image(data: bytes) -> ImageFile.ImageFile:
    """`Image.open` without its check of the size: that check reads Image.MAX_IMAGE_PIXELS, which belongs to the whole process.

    The caller checks `size` instead, before the pixels are loaded. Raises UnidentifiedImageError where no plugin takes the file,
    and a plugin's own errors for a broken one.
    """
    plugin = plugin_for(data[:HEAD])
    if plugin is not None and not plugin.load():
        raise UnidentifiedImageError(plugin.hint)
    tried: set[str] = set()
    reasons: list[str] = []
    for register_plugins in (Image.preinit, Image.init):  # the common formats first: to import the others takes time
        register_plugins()
        for kind in [kind for kind in Image.ID if kind not in tried]:
            tried.add(kind)
            factory, accept = Image.OPEN[kind]
            accepted = accept(data[:PREFIX]) if accept else True
            if isinstance(accepted, str):  # the file is of this kind, and this is why it cannot be read
                reasons.append(accepted)
            elif accepted:
                with suppress(SyntaxError, IndexError, TypeError, struct.error):  # how plugins say that it is of another kind
                    return factory(io.BytesIO(data), "")
    raise UnidentifiedImageError("; ".join(reasons))


def beginning_of(image: ImageFile.ImageFile, length: int = -1) -> bytes:
    """The first `length` bytes of the file of an image that has not been loaded; all of them for −1."""
    assert image.fp is not None, "the image has been loaded"
    position = image.fp.tell()  # from which some plugins go on
    image.fp.seek(0)
    data = image.fp.read(length)
    image.fp.seek(position)
    return data


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Turns Pillow's errors on a file into UnreadableImageError.

    Only calls of Pillow belong into the block: an error of other code would be reported as a broken file.
    """
    try:
        yield
    except UnidentifiedImageError as error:
        reason = f": {error}" if str(error) else ""
        raise UnreadableImageError(f"{name} is not an image that Pillow can read{reason}") from error
    except Image.DecompressionBombError as error:  # some plugins check the size of a part themselves
        raise UnreadableImageError(
            f"{name} has more pixels than Pillow decodes in this process; Image.MAX_IMAGE_PIXELS raises its limit"
        ) from error
    except MemoryError as error:
        raise _too_large(name) from error
    except Exception as error:  # Pillow's plugins raise nearly everything on broken files
        raise UnreadableImageError(f"{name} is broken: {str(error) or type(error).__name__}") from error


@contextmanager
def memory_for(name: str) -> Iterator[None]:
    """Turns MemoryError into UnreadableImageError."""
    try:
        yield
    except MemoryError as error:
        raise _too_large(name) from error


def _too_large(name: str) -> UnreadableImageError:
    return UnreadableImageError(f"{name} does not fit into memory")
