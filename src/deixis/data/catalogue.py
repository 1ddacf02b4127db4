"""The public data of this field: what it is, where it lies, under which licence, how large it is.

Sizes and SHA-256 are those that others have published for the same file (TensorFlow Datasets' checksums for COCO,
torchtext's for GloVe, the name and the file list of torchvision for VGG-16); None is "not known", never a guess. Hosts
that are gone stand after the snapshots of web.archive.org that replace them. Nothing here touches the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from deixis.errors import InputError

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch.

    Attributes:
        name: its name on this machine.
        urls: where it lies, in the order to try.
        into: folder below the data root that it is put or, an archive, unpacked into; "" for the root.
        size: bytes; None when not known.
        sha256: 64 hexadecimal digits; None when not known.
    """

    name: str
    urls: tuple[str, ...]
    into: str = ""
    size: int | None = None
    sha256: str | None = None

    @property
    def is_archive(self) -> bool:
        """Whether it is unpacked after it was fetched."""
        return self.name.endswith(_ARCHIVES)


@dataclass(frozen=True)
class Entry:
    """A dataset, or other public data that this project can use.

    Attributes:
        name: as the commands take it; for datasets also the name of the folder.
        title: one line: what it is and whose.
        licence: what its authors say one may do; for what they do not say, that.
        homepage: where it is described.
        files: what to fetch; none when nobody may fetch it without asking.
        needs: names of the entries whose pictures it describes.
        how_to_ask: for gated data, whom to ask and how; "" for all other.
    """

    name: str
    title: str
    licence: str
    homepage: str
    files: tuple[RemoteFile, ...] = ()
    needs: tuple[str, ...] = ()
    how_to_ask: str = ""


def entry_named(name: str) -> Entry:
    """The entry of this name.

    Raises:
        InputError: there is none; the message lists those there are.
    """
    if name not in CATALOGUE:
        raise InputError(f"expected a dataset of {', '.join(CATALOGUE)}; got {name!r}")
    return CATALOGUE[name]


def _coco(name: str, kind: str, into: str, size: int, sha256: str) -> RemoteFile:
    hosts = ("http://images.cocodataset.org", "https://s3.amazonaws.com/images.cocodataset.org")
    return RemoteFile(name, tuple(f"{host}/{kind}/{name}" for host in hosts), into, size, sha256)


def _unc(path: str, timestamp: str, into: str = "", scheme: str = "https") -> RemoteFile:
    """A file of the REFER toolkit's host, which has been gone since September 2022."""
    original = f"{scheme}://bvisionweb1.cs.unc.edu/licheng/referit/data/{path}"
    name = path.rpartition("/")[2]
    return RemoteFile(name, (f"https://web.archive.org/web/{timestamp}/{original}", original), into)


def _hugging_face(repository: str, name: str, into: str) -> RemoteFile:
    return RemoteFile(name, (f"https://huggingface.co/datasets/{repository}/resolve/main/{name}",), into)


def _github(repository: str, commit: str, path: str, into: str) -> RemoteFile:
    name = path.rpartition("/")[2]
    return RemoteFile(name, (f"https://raw.githubusercontent.com/{repository}/{commit}/{path}",), into)


def _referit_lists() -> tuple[RemoteFile, ...]:
    """Expressions and splits as the 2016 papers used them."""
    objseg, retrieval = "ronghanghu/text_objseg", "ronghanghu/natural-language-object-retrieval"
    content, sizes = "b00e1f54a97a242dc639326fc40dc2e0bc58eba4", "91773d97aef4e4d5d87248e4d1ab895c1d574ebd"
    parts = ("train", "val", "trainval", "test")
    tables = ("imcrop", *(f"query_{part}" for part in parts))
    lists = {"train": "7d4dc72705fb9b04962b6e4822d947a88fd17ee8", "test": "3d06f2c8799550fbf7bdb9316cff798cefa7cbf1"}
    lists |= {"val": lists["train"], "trainval": lists["test"]}
    return (
        *(_github(objseg, content, f"exp-referit/data/referit_{table}.json", "referit") for table in tables),
        _github(objseg, sizes, "exp-referit/data/referit_imsize.json", "referit"),
        *(_github(retrieval, lists[part], f"data/split/referit_{part}_imlist.txt", "referit") for part in parts),
    )


_FLICKR = "annotations CC BY 4.0; photographs under the terms of Flickr and of whoever took them"
_TOOLKIT = "Apache-2.0 for the REFER toolkit, nothing said of its data apart; masks are COCO's (CC BY 4.0)"
_REFER = "https://github.com/lichengunc/refer"
_ENTRIES = (
    Entry(
        "coco",
        "COCO 2014: 123,287 photographs, masks of 80 categories, captions (Lin et al. 2014)",
        _FLICKR,
        "https://cocodataset.org",
        (
            _coco(
                "annotations_trainval2014.zip",
                "annotations",
                "",
                252_872_794,
                "031296bbc80c45a1d1f76bf9a90ead27e94e99ec629208449507a4917a3bf009",
            ),
            _coco(
                "train2014.zip",
                "zips",
                "images",
                13_510_573_713,
                "ede4087e640bddba550e090eae701092534b554b42b05ac33f0300b984b31775",
            ),
            _coco(
                "val2014.zip",
                "zips",
                "images",
                6_645_013_297,
                "fe9be816052049c34717e077d9e34aa60814a55679f804cd043e3cbee3b9fde0",
            ),
        ),
    ),
    Entry(
        "refcoco",
        "RefCOCO (UNC-Ref): expressions of the ReferIt game on COCO (Kazemzadeh et al. 2014, Yu et al. 2016)",
        _TOOLKIT,
        _REFER,
        (_unc("refcoco.zip", "20220413011718"),),
        ("coco",),
    ),
    Entry(
        "refcoco+",
        "RefCOCO+: the same game without words of place (Yu et al. 2016)",
        _TOOLKIT,
        _REFER,
        (_unc("refcoco+.zip", "20220413011656"),),
        ("coco",),
    ),
    Entry(
        "refcocog",
        "RefCOCOg: longer expressions, in Google's and UMD's division (Mao et al. 2016, Nagaraja et al. 2016)",
        "expressions CC BY 4.0; masks are COCO's (CC BY 4.0)",
        _REFER,
        (_unc("refcocog.zip", "20220413012904"),),
        ("coco",),
    ),
    Entry(
        "refclef",
        "RefCLEF: ReferIt as the REFER toolkit has it, with its 19,997 photographs (Kazemzadeh et al. 2014)",
        "Apache-2.0 for the REFER toolkit, nothing said of its data apart; IAPR TC-12 photographs free of charge and "
        "without copyright restrictions",
        _REFER,
        (
            _unc("refclef.zip", "20220413011817"),
            _unc("images/saiapr_tc-12.zip", "20220515000000", "images", scheme="http"),
        ),
    ),
    Entry(
        "grefcoco",
        "gRefCOCO: expressions of none, one or several objects (Liu, Ding and Jiang 2023)",
        "CC BY-NC-SA 4.0; masks are COCO's (CC BY 4.0)",
        "https://github.com/henghuiding/gRefCOCO",
        tuple(_hugging_face("FudanCVL/gRefCOCO", name, "grefcoco") for name in ("grefs(unc).json", "instances.json")),
        ("coco",),
    ),
    Entry(
        "google_refexp",
        "G-Ref: Google's own release of the RefCOCOg expressions (Mao et al. 2016)",
        "expressions CC BY 4.0",
        "https://github.com/mjhucla/Google_Refexp_toolbox",
        (
            RemoteFile(
                "google_refexp_dataset_release.zip",
                ("https://storage.googleapis.com/refexp/google_refexp_dataset_release.zip",),
            ),
        ),
        ("coco",),
    ),
    Entry(
        "referit",
        "ReferIt: expressions, splits, photographs and masks of SAIAPR TC-12 as the 2016 papers used them",
        "not stated for the expressions; IAPR TC-12 photographs free of charge and without copyright restrictions",
        "https://github.com/ronghanghu/text_objseg",
        (
            *_referit_lists(),
            RemoteFile(
                "referitdata.tar.gz",
                (
                    "http://www.eecs.berkeley.edu/~ronghang/projects/cvpr16_text_obj_retrieval/referitdata.tar.gz",
                    "https://people.eecs.berkeley.edu/~ronghang/projects/cvpr16_text_obj_retrieval/referitdata.tar.gz",
                ),
                "referit",
            ),
        ),
    ),
    Entry(
        "glove",
        "GloVe 6B: 400,000 word vectors of 50 to 300 numbers, from Wikipedia and Gigaword (Pennington et al. 2014)",
        "PDDL 1.0 (public domain)",
        "https://nlp.stanford.edu/projects/glove/",
        (
            RemoteFile(
                "glove.6B.zip",
                (
                    "https://nlp.stanford.edu/data/glove.6B.zip",
                    "https://downloads.cs.stanford.edu/nlp/data/glove.6B.zip",
                    "https://huggingface.co/stanfordnlp/glove/resolve/main/glove.6B.zip",
                ),
                "glove",
                862_182_613,
                "617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
            ),
        ),
    ),
    Entry(
        "visual_genome",
        "Visual Genome regions: a box and a sentence each, on 108,077 photographs (Krishna et al. 2017)",
        "CC BY 4.0",
        "https://homes.cs.washington.edu/~ranjay/visualgenome/",
        (
            *(
                RemoteFile(
                    name,
                    (
                        f"https://homes.cs.washington.edu/~ranjay/visualgenome/data/dataset/{name}",
                        f"https://visualgenome.org/static/data/dataset/{name}",
                    ),
                    "visual_genome",
                )
                for name in ("region_descriptions.json.zip", "image_data.json.zip")
            ),
            *(
                RemoteFile(name, (f"https://cs.stanford.edu/people/rak248/VG_100K_2/{name}",), "visual_genome")
                for name in ("images.zip", "images2.zip")
            ),
        ),
    ),
    Entry(
        "flickr30k_entities",
        "Flickr30k Entities: phrases of 31,783 captioned photographs with their boxes (Plummer et al. 2017)",
        "non-commercial research and education; photographs under the terms of Flickr and of whoever took them",
        "https://github.com/BryanPlummer/flickr30k_entities",
        how_to_ask="fill in the form at https://shannon.cs.illinois.edu/DenotationGraph/ for the photographs; take "
        "annotations.zip, train.txt, val.txt and test.txt from https://github.com/BryanPlummer/flickr30k_entities",
    ),
    Entry(
        "vgg16",
        "VGG-16 weights of torchvision, trained on ImageNet (Simonyan and Zisserman 2015)",
        "BSD 3-Clause (torchvision); ImageNet's terms for what they were trained on",
        "https://pytorch.org/vision/stable/models/vgg.html",
        (
            RemoteFile(
                "vgg16-397923af.pth",
                ("https://download.pytorch.org/models/vgg16-397923af.pth",),
                "weights",
                553_433_881,
                "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
            ),
        ),
    ),
)
CATALOGUE: Mapping[str, Entry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
