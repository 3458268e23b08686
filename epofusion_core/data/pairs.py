"""Pairs of visible and infrared images in folders, matched by file stem. `layouts` finds the folders.

Stems are compared in Unicode's normal form C: file systems differ in how they keep an accent. Where a stem has no
partner, an ending that names its camera is left out of it, such as _RGB and _PreviewData of FLIR.
"""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import normalize

from epofusion_core.data.layouts import IMAGE_SUFFIXES, camera_ending, find_folders, subfolders

_BOX_SUFFIXES = frozenset({".txt"})


@dataclass(frozen=True)
class FilePair:
    """One registered pair; both images have the same size.

    Attributes:
        name: "stem", or "dataset/stem" below dataset folders.
        visible: path of the visible image.
        infrared: path of the infrared image.
        mask: path of the mask of salient infrared objects, or None.
        boxes: path of object boxes (YOLO lines: class cx cy w h, normalised), or None.
        mask_classes: numbers of the classes that are objects, where the mask holds class numbers; else empty.
    """

    name: str
    visible: Path
    infrared: Path
    mask: Path | None = None
    boxes: Path | None = None
    mask_classes: frozenset[int] = frozenset()

    @property
    def dataset(self) -> str:
        """The name's folder part; empty where there is none."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True)
class PairScan:
    """Pairs of a folder, and what could not be paired.

    Attributes:
        pairs: sorted by name, or in the order of the list file.
        unpaired: one sentence for each image without a partner, each file that is left out for another reason, and
            each list line without images.
    """

    pairs: list[FilePair]
    unpaired: list[str] = field(default_factory=list)


def find_pairs(root: Path, list_file: Path | None = None, split: str | None = None) -> list[FilePair]:
    """Return the pairs below `root`; see `scan_pairs`, which also tells what has no partner."""
    return scan_pairs(root, list_file, split).pairs


def scan_pairs(root: Path, list_file: Path | None = None, split: str | None = None) -> PairScan:
    """Find the pairs below `root`, matched by file stem.

    Args:
        root: folder in one of the layouts of `layouts`.
        list_file: text file with one name a line, as `listed` reads it; all pairs without it.
        split: name of a split folder ("train", "test"), above or below the modality folders; all of them without it.

    Raises:
        ValueError: the root, the list or the modality folders are missing; the sentence says which were expected.
    """
    if not root.is_dir():
        raise ValueError(f"data root {root} is no folder; expected one with folders vi/ and ir/")
    scan = _Scan()
    places = find_folders(root, split, scan.unpaired)
    if not places:
        wanted = f" for split {split!r}" if split else ""
        raise ValueError(f"data root {root} has no paired image folders{wanted}; expected vi/ and ir/ in it or below")
    for prefix, folders in places.items():
        scan.add(prefix, folders)
    if not scan.pairs and not scan.unpaired:
        raise ValueError(f"data root {root} has no images in its folders; expected equal file stems in vi/ and ir/")
    if list_file is None:
        return PairScan(scan.pairs, scan.unpaired)
    chosen = listed(scan.pairs, list_file)
    also = [sentence for pair in chosen.pairs for sentence in scan.left_out.get(pair.name, ())]
    return PairScan(chosen.pairs, chosen.unpaired + also)


def pair_folders(visible: Path, infrared: Path, mask: Path | None = None) -> PairScan:
    """Match the images of two folders, and of an optional folder of masks, by file stem; subfolders of one name, too.

    Raises:
        ValueError: a folder is missing, or no image has a partner; the sentence says which.
    """
    folders = {"visible": visible, "infrared": infrared} | ({"mask": mask} if mask else {})
    for kind, folder in folders.items():
        if not folder.is_dir():
            raise ValueError(f"{kind} folder {folder} is missing; expected a folder of images")
    scan = _Scan()
    for parts, below in subfolders(folders, scan.unpaired):
        scan.add("".join(f"{part}/" for part in parts), below)
    if not scan.pairs:
        raise ValueError(f"{visible} and {infrared} have no image in common; expected equal file stems")
    return PairScan(scan.pairs, scan.unpaired)


def images_by_stem(folder: Path) -> dict[str, Path]:
    """Return the images directly inside a folder, by file stem in normal form C."""
    return files_by_stem(folder, IMAGE_SUFFIXES, {})


def listed(pairs: Iterable[FilePair], list_file: Path) -> PairScan:
    """Return the pairs that a list file names, in its order.

    A line is a name, or its end from a folder on, with or without the suffix of an image. Blanks belong to a name, but
    not at the ends of a line.

    Raises:
        ValueError: the list cannot be read.
    """
    by_name: dict[str, FilePair | None] = {}
    for pair in pairs:
        parts = pair.name.split("/")
        for index in range(1, len(parts)):
            end = "/".join(parts[index:])
            by_name[end] = None if end in by_name else pair  # an end that several pairs have names none
    by_name |= {pair.name: pair for pair in pairs}
    chosen, unknown = [], []
    for line in _lines(list_file):
        stem, dot, suffix = line.rpartition(".")
        without_suffix = stem if f"{dot}{suffix}".lower() in IMAGE_SUFFIXES else line
        found = by_name.get(line) or by_name.get(without_suffix)
        if found:
            chosen.append(found)
        else:
            several = line in by_name or without_suffix in by_name
            unknown.append(f"{list_file}: {line} {'names several pairs' if several else 'has no images'}")
    return PairScan(chosen, unknown)


def _lines(list_file: Path) -> list[str]:
    """Return the lines of a text file that are not blank, in normal form C."""
    try:
        data = list_file.read_bytes()
        text = data.decode("utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except OSError as error:
        raise ValueError(f"list {list_file} cannot be read ({error.strerror}); expected one stem a line") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"list {list_file} is no text in UTF-8; expected one stem a line") from error
    return [normalize("NFC", line.strip()) for line in text.splitlines() if line.strip()]


class _Scan:
    """Gathers pairs, and what is left out."""

    def __init__(self) -> None:
        self.pairs: list[FilePair] = []
        self.unpaired: list[str] = []
        self.left_out: dict[str, list[str]] = {}

    def add(self, prefix: str, folders: dict[str, Path]) -> None:
        """Pair the images directly inside the folders of each kind; `prefix` precedes their stems in names."""
        left_out: dict[str, list[str]] = {}
        visible, infrared = (files_by_stem(folders[kind], IMAGE_SUFFIXES, left_out) for kind in ("visible", "infrared"))
        if folders["visible"] == folders["infrared"]:
            visible = {stem: path for stem, path in visible.items() if camera_ending(stem, "visible")}
            infrared = {stem: path for stem, path in infrared.items() if camera_ending(stem, "infrared")}
        alone = visible.keys() ^ infrared.keys()
        visible, infrared = (
            _without_endings(images, kind, alone, left_out)
            for kind, images in (("visible", visible), ("infrared", infrared))
        )
        masks, boxes = (
            files_by_stem(folders[kind], suffixes, left_out) if kind in folders else {}
            for kind, suffixes in (("mask", IMAGE_SUFFIXES), ("boxes", _BOX_SUFFIXES))
        )
        self.pairs += [
            FilePair(prefix + stem, path, infrared[stem], masks.get(stem), boxes.get(stem))
            for stem, path in visible.items()
            if stem in infrared
        ]
        lonely = [(path, "infrared") for stem, path in visible.items() if stem not in infrared]
        lonely += [(path, "visible") for stem, path in infrared.items() if stem not in visible]
        self.unpaired += [f"{path}: has no {other} image of the same stem" for path, other in lonely]
        self.unpaired += [sentence for sentences in left_out.values() for sentence in sentences]
        self.left_out |= {prefix + stem: sentences for stem, sentences in left_out.items()}


def files_by_stem(folder: Path, suffixes: frozenset[str], left_out: dict[str, list[str]]) -> dict[str, Path]:
    """Return the files of some suffixes by stem in normal form C; what is left out is added to `left_out`, by stem."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes:
            continue
        stem = normalize("NFC", path.stem)
        if not path.is_file():
            left_out.setdefault(stem, []).append(f"{path}: is no regular file and is left out")
            continue
        if stem in found:
            left_out.setdefault(stem, []).append(f"{found[stem]}: is left out; {path.name} has the same stem")
        found[stem] = path
    return found


def _without_endings(
    images: dict[str, Path], kind: str, alone: set[str], left_out: dict[str, list[str]]
) -> dict[str, Path]:
    """Leave the ending that names the camera out of the stems that are alone."""
    found: dict[str, Path] = {}
    for stem, path in images.items():
        name = stem.removesuffix(camera_ending(stem, kind)) if stem in alone else stem
        if name != stem and name in images:
            name = stem
        if name in found:
            left_out.setdefault(name, []).append(f"{found[name]}: is left out; {path.name} is of the same pair")
        found[name] = path
    return found
