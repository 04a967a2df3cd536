"""AVIF as Pillow ships it, whose tune is found out rather than assumed."""

from PIL import features

from dlic.peers import avif


def test_the_shipped_tune_writes_the_shipped_file(photograph):
    crop, tune = photograph[:64, 200:296], avif.shipped_tune()
    assert tune in avif.TUNES
    for subsampling in ("4:2:0", "4:4:4"):
        files = {one: avif.avif(40, subsampling, one).compress(crop) for one in ("", "psnr", tune)}
        assert files[""] == files[tune] and (tune == "psnr" or files["psnr"] != files[""])


def test_libavif_since_1_4_is_tuned_for_the_eye():
    version = tuple(int(part) for part in avif.libavif().split(".")[:2])
    assert avif.libavif() == features.version("avif")
    assert (avif.shipped_tune() == "iq") == (version >= (1, 4))


def test_labels_say_version_and_tune():
    assert avif.label("4:4:4", "psnr") == f"AVIF 4:4:4, tune=psnr, speed 6, libavif {avif.libavif()}"
    assert avif.label("4:2:0") == f"AVIF 4:2:0, tune={avif.shipped_tune()} as shipped, speed 6, libavif {avif.libavif()}"


def test_a_tune_that_the_encoder_does_not_know_is_none(photograph):
    assert avif._compressed(photograph[:16, :16], "nonsense") is None
