"""TIFF files: directories, tags, and the samples that Pillow reads wrongly or not at all."""
