"""Public sets of photographs: addresses, sizes, terms, and checksums."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from dlic.errors import DlicError

ETHZ = "https://data.vision.ee.ethz.ch/cvl"
CLIC_AGAIN = "https://storage.googleapis.com/clic_datasets"  # where compression.cc points to: packed anew, so other bytes
R0K = "https://r0k.us/graphics/kodak/kodak"
CSAIL = "http://data.csail.mit.edu/tofu/dataset"


@dataclass(frozen=True)
class Source:
    """A file at an address. Unpublished facts about it are None."""

    url: str
    size: int | None = None  # bytes
    checksum: str | None = None  # sha256 (64 digits) or MD5 (32)
    only: str | None = None  # the folder of the pictures in the archive

    @property
    def file(self) -> str:
        """Its name."""
        return PurePosixPath(urlsplit(self.url).path).name

    @property
    def checked(self) -> str:
        """How a download is checked."""
        if self.checksum:
            return {64: "sha256", 32: "MD5"}[len(self.checksum)]
        return "size" if self.size else "unpacking"


@dataclass(frozen=True)
class PublicSet:
    """A published set of photographs: one archive, or single files."""

    name: str
    title: str
    use: str  # training or evaluation
    images: int
    licence: str  # in a few words
    terms: str  # a sentence or two
    page: str  # where its authors say so
    archive: tuple[Source, ...] = ()  # addresses of the same pictures, the first that gives them is taken
    files: tuple[Source, ...] = ()  # all of them
    about: int = 0  # rounded bytes of the pictures or their archive, if the exact number is not published
    restricted: bool = False  # whether the terms allow some uses only

    @property
    def size(self) -> int | None:
        """Bytes to download, where that is known."""
        sources = self.files or self.archive[:1]
        sizes = [source.size for source in sources if source.size is not None]
        return sum(sizes) if len(sizes) == len(sources) else None

    @property
    def space(self) -> int:
        """Bytes that archive and unpacked pictures take on the disk together, as far as that is known before they are there."""
        return (self.size or self.about) * (2 if self.archive else 1)  # photographs hardly shrink in an archive

    @property
    def checked(self) -> str:
        return (self.files or self.archive)[0].checked


def public_set(name: str) -> PublicSet:
    """The set of that name. Raises DlicError."""
    for entry in PUBLIC_SETS:
        if entry.name == name:
            return entry
    raise DlicError(f"no set of photographs {name!r}; there are {', '.join(entry.name for entry in PUBLIC_SETS)}")


# --- the sets -----------------------------------------------------------------------------------------------------------

# sha256 and sizes of CLIC and DIV2K at ETH Zürich: tensorflow_datasets, url_checksums/clic.txt and div2k.txt.
# CLIC's professional_valid at Google: two public benchmarks give the same size and sha256.
# Kodak: the sha256 that several public test suites pin for r0k.us; all 24 together give the SHA-1 that NeuralCompression checks.
# Flickr2K: MD5 of torchSR; sha256 of the Git LFS object on Hugging Face. The archive also holds all pictures made smaller in six
# ways, as Tecnick's does: hence `only`. Nobody seems to have published size and checksum of Vimeo-90K and Tecnick.

UNSPLASH = "Released under the Unsplash licence, as LICENSE_professional_2020.txt beside the archive says."
MOBILE = "Released by the organisers of the CLIC challenge for its participants to train and measure codecs; no licence is stated."
RESEARCH = (
    "Made available for academic research only; the pictures were collected from the Internet and their copyright belongs to "
    "their owners."
)
FLICKR = "Collected from Flickr by the authors of EDSR for research; no licence is stated, the photographers keep their copyright."
VIMEO = "For non-commercial use only; frames of videos from vimeo.com, whose copyright belongs to their owners."
TECNICK = "Creative Commons Attribution-NonCommercial-ShareAlike 3.0, as the README of the archive says."
KODAK = "Released by the Eastman Kodak Company for unrestricted use."


def _clic(kind: str, part: str, images: int, size: int, sha256: str, again: Source | None = None) -> PublicSet:
    test = part == "test"
    first = f"{ETHZ}/clic/" + (f"test/CLIC2020{kind.capitalize()}_test.zip" if test else f"{kind}_{part}_2020.zip")
    return PublicSet(
        f"clic2020-{kind}-{part}",
        f"CLIC 2020 {kind}, {part}",
        "training" if part == "train" else "evaluation",
        images,
        "Unsplash" if kind == "professional" else "none stated",
        UNSPLASH if kind == "professional" else MOBILE,
        f"{ETHZ}/clic/LICENSE_professional_2020.txt" if kind == "professional" else "https://archive.compression.cc/",
        (Source(first, size, sha256), again or Source(f"{CLIC_AGAIN}/clic2020_{kind}_{part}.zip")),
        restricted=kind == "mobile",
    )


def _div2k(part: str, images: int, size: int, sha256: str) -> PublicSet:
    source = Source(f"{ETHZ}/DIV2K/DIV2K_{part}_HR.zip", size, sha256)
    use = "training" if part == "train" else "evaluation"
    page = f"{ETHZ}/DIV2K/"
    return PublicSet(
        f"div2k-{part}", f"DIV2K {part}, high resolution", use, images, "research only", RESEARCH, page, (source,), restricted=True
    )


def _vimeo(kind: str, images: int, about: int) -> PublicSet:
    return PublicSet(
        f"vimeo90k-{kind}",
        f"Vimeo-90K {kind}s: 448×256 frames of videos",
        "training",
        images,
        "non-commercial",
        VIMEO,
        "http://toflow.csail.mit.edu/",
        (Source(f"{CSAIL}/vimeo_{kind}.zip"),),
        about=about,
        restricted=True,
    )


KODAK_FILES = (
    (736_501, "a56e27cbf5f843c048b6af1d6e090760e9c92fadba88b7dee0205918a37523bd"),
    (617_995, "4f4b74a79237e311d72cad958237b5f7088d8bce1c82305ebefe1a70e3022dfd"),
    (502_888, "e25ca1ff2f0c0cb5fdfd5f9b0a0bb21ac4c3de3c84a67f35b09a85d3306249db"),
    (637_432, "e3b946107c5d3441c022f678d0c3caf1e224d81b1604ba840a4f88e562de61aa"),
    (785_610, "10349e963c5c813d327852f82c1795fa4148d69fedffc4c589bee458e3ac3d53"),
    (618_959, "363510303b715d4cbc384e1ce227e466b613a09e1b71ae985882bf8e7fbd9b18"),
    (566_322, "b77d3f006f42414bb242222e0482e750c0fb9e5ee8d4bed2f6f11c5605fe54a4"),
    (788_470, "ba23983c76b4832ee0e8af0592664756841a16779acd69f792e268fb6d13d6e7"),
    (582_899, "6a4361c2fc194feb4edaa9f9a4a0620fb9943e460ac7fdf037fb0f6dd6607a7d"),
    (593_463, "9dfb70f5867c29ff9ed6313683f19b3d867849e40fbc0c4c54a4a89df341cf23"),
    (621_023, "7936814b58b5387fce2e4e2488b4ec830dadd95fa9520f358ddb30990b50f2b6"),
    (531_024, "d78c37c2f04f23761ed2367dd77e2db584ddd4c3950833fecf89f199a8126980"),
    (822_712, "bc34a3ce58dea09dce1704c997171602de90cb34d0c8503a988b77f473d39b08"),
    (692_201, "55a94550ff18f3246c4074fd32b77b0c74447c26b6ad274d564d999c0450ba6e"),
    (612_582, "7538cbb80cb9103606c48b806eae57d56c885c7f90b9b3be70a41160f9cbb683"),
    (534_247, "a89c7268ccd4718ba424a99fc4643c572cf692ca6eae887185ceb4e9f11d2e54"),
    (602_078, "37afcc89fbdcb76d9518e04b2fc011027e2f4cd14b3b2f83cefd721641a47c5b"),
    (780_947, "1a9258c365988961d87a0598725b609139c303ad48a5aad6c503c3b1a87849aa"),
    (671_476, "b7450b264b1b0a411390d8931b112c27905a992520fc90569dc4b920aa32bbdc"),
    (492_462, "3b46c71e3b92a563820ba32936be8330c586c41f938efd94be938386aae4328a"),
    (637_051, "ac958597c82073f6bb65129c68f72b651db5b9efd82e11547d07350214bc268b"),
    (701_970, "1cee58eb1f2d9c7ebb254d208a03c783ce6cf2c4d8c2cf45e235dd23b4ce1b29"),
    (557_596, "e3111a2fd4da24af15d6459ef9eacfe54106b38e27b4a21821b75c3f5d2d5baf"),
    (706_397, "1071c68372cc5a01435c2c225a5cf7d4bb803846ec08bb6b3d6721b156d7cb96"),
)

PUBLIC_SETS = (
    _clic("professional", "train", 585, 2_003_385_131, "54a2a684b5cbd0db91770a8695efb774fed1f612194fee68bceaf6b1c48e5d5f"),
    _clic(
        "professional", "valid", 41, 134_834_429, "00be38092ade2ab5163b65f7f6523d46c7bca147007f559adbb02c0afc236b7d",
        Source(
            f"{CLIC_AGAIN}/clic2020_professional_valid.zip", 134_862_753,
            "e56568e20ead6bd215b313fed260d1c98b9ba863540039f00892ab67b1e39baf",
        ),
    ),
    _clic("professional", "test", 250, 891_643_809, "857df244fc2bfa5da28d4c66bf0db16ee99bfc79eb807be8afa89cd507852884"),
    _clic("mobile", "train", 1048, 4_042_923_971, "4bf9d890e6785426fb41cb4f43df3d8cd6db25fafcc76fc1eb629141166d6529"),
    _clic("mobile", "valid", 61, 236_556_531, "ff0280382eeb32fdceb28c81a7f47ac9ad86d933ebe901680845635d04e47a10"),
    _clic("mobile", "test", 178, 721_789_976, "2025f07a6c652270e534640de4271feef3b3dd3260beed4ac4821064837aa732"),
    _div2k("train", 800, 3_530_603_713, "9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335"),
    _div2k("valid", 100, 448_993_893, "20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc"),
    PublicSet(
        "flickr2k", "Flickr2K, high resolution", "training", 2650, "none stated", FLICKR, "https://github.com/LimBee/NTIRE2017",
        (
            Source(
                "https://cv.snu.ac.kr/research/EDSR/Flickr2K.tar", checksum="5d3f39443d5e9489bff8963f8f26cb03", only="Flickr2K_HR"
            ),
            Source(
                "https://huggingface.co/datasets/goodfellowliu/Flickr2K/resolve/main/Flickr2K.zip",
                checksum="401a5b1d247d18d1114b77b069e3c7bf235c80f06b8b9caaef0086d07f1d42a3",
            ),
        ),
        about=11_600_000_000, restricted=True,
    ),
    _vimeo("triplet", 3 * 73_171, 33_000_000_000),
    _vimeo("septuplet", 7 * 91_701, 82_000_000_000),
    PublicSet(
        "kodak", "Kodak lossless true colour images", "evaluation", 24, "unrestricted", KODAK, "https://r0k.us/graphics/kodak/",
        files=tuple(Source(f"{R0K}/kodim{i:02}.png", *known) for i, known in enumerate(KODAK_FILES, 1)),
    ),
    PublicSet(
        "tecnick", "Tecnick TESTIMAGES, 100 of 1200×1200", "evaluation", 100, "CC BY-NC-SA 3.0", TECNICK, "https://testimages.org/",
        (Source("https://downloads.sourceforge.net/project/testimages/OLD/OLD_SAMPLING/testimages.zip", only="RGB_OR_1200x1200"),),
        about=511_000_000, restricted=True,
    ),
)  # fmt: skip
