"""Readers of folders of paired visible and infrared images, in the common layouts.

`<root>/{vi,ir}[,mask]`, the same below a split folder (`<root>/train/{vi,ir}`), below a modality folder
(`<root>/visible/train`), or below dataset folders with a list file of `dataset/stem` lines.
"""

from dataclasses import dataclass, field
from pathlib import Path

_FOLDER_NAMES = {
    "visible": ("vi", "vis", "visible", "rgb", "crop_lr_visible"),
    "infrared": ("ir", "infrared", "thermal", "t", "cropinfrared"),
    "mask": ("mask", "masks", "segmentation_labels", "label", "labels"),
    "boxes": ("boxes",),
}
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True)
class FilePair:
    """One registered pair; both images have the same size.

    Attributes:
        name: "stem", or "dataset/stem" below dataset folders.
        visible: path of the visible image.
        infrared: path of the infrared image.
        mask: path of the mask of salient infrared objects, or None.
        boxes: path of object boxes (YOLO lines: class cx cy w h, normalised), or None.
    """

    name: str
    visible: Path
    infrared: Path
    mask: Path | None = None
    boxes: Path | None = None

    @property
    def dataset(self) -> str:
        """The name's folder part; empty where there is none."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True)
class PairScan:
    """Pairs of a folder, and the images that have no partner.

    Attributes:
        pairs: sorted by name, or in the order of the list file.
        unpaired: one sentence for each image without a partner or list line without images.
    """

    pairs: list[FilePair]
    unpaired: list[str] = field(default_factory=list)


def find_pairs(root: Path, list_file: Path | None = None, split: str | None = None) -> list[FilePair]:
    """Return the pairs below `root`; see `scan_pairs`, which also tells what has no partner."""
    return scan_pairs(root, list_file, split).pairs


def scan_pairs(root: Path, list_file: Path | None = None, split: str | None = None) -> PairScan:
    """Find the pairs below `root`, matched by file stem.

    Args:
        root: folder in one of this module's layouts.
        list_file: text file with one "stem" or "dataset/stem" a line; all pairs without it.
        split: name of a split folder ("train", "test"), above or below the modality folders.

    Raises:
        ValueError: the root, the list or the modality folders are missing; the sentence says which were expected.
    """
    if not root.is_dir():
        raise ValueError(f"data root {root} is no folder; expected one with folders vi/ and ir/")
    datasets = _datasets(root, split)
    if not datasets:
        wanted = f" for split {split!r}" if split else ""
        raise ValueError(f"data root {root} has no paired image folders{wanted}; expected vi/ and ir/ in it or below")
    scans = [_scan_dataset(prefix, folders) for prefix, folders in datasets.items()]
    pairs = [pair for scan in scans for pair in scan.pairs]
    unpaired = [sentence for scan in scans for sentence in scan.unpaired]
    return PairScan(pairs, unpaired) if list_file is None else _select(pairs, list_file)


def pair_folders(visible: Path, infrared: Path, mask: Path | None = None) -> PairScan:
    """Match the images of two folders, and of an optional folder of masks, by file stem.

    Raises:
        ValueError: a folder is missing, or no image has a partner; the sentence says which.
    """
    folders = {"visible": visible, "infrared": infrared} | ({"mask": mask} if mask else {})
    for kind, folder in folders.items():
        if not folder.is_dir():
            raise ValueError(f"{kind} folder {folder} is missing; expected a folder of images")
    scan = _scan_dataset("", folders)
    if not scan.pairs:
        raise ValueError(f"{visible} and {infrared} have no image in common; expected equal file stems")
    return scan


def images_by_stem(folder: Path) -> dict[str, Path]:
    """Return the images directly inside a folder, by file stem."""
    return _by_stem(folder, IMAGE_SUFFIXES)


def _datasets(root: Path, split: str | None) -> dict[str, dict[str, Path]]:
    """Map name prefixes ("" or "dataset/") to the folders of each kind."""
    if own := _modality_folders(root, split):
        return {"": own}
    found = {}
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        if folders := _modality_folders(folder, split):
            found[f"{folder.name}/"] = folders
    return found


def _modality_folders(folder: Path, split: str | None) -> dict[str, Path] | None:
    base = folder / split if split and (folder / split).is_dir() else folder
    children = {path.name.lower(): path for path in sorted(base.iterdir()) if path.is_dir()}
    folders = {
        kind: next(children[name] for name in names if name in children)
        for kind, names in _FOLDER_NAMES.items()
        if any(name in children for name in names)
    }
    if not {"visible", "infrared"} <= set(folders):
        return None
    if split and base is folder:
        below = {kind: path / split for kind, path in folders.items() if (path / split).is_dir()}
        return below if {"visible", "infrared"} <= set(below) else None
    return folders


def _by_stem(folder: Path | None, suffixes: frozenset[str]) -> dict[str, Path]:
    if folder is None:
        return {}
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in suffixes}


def _scan_dataset(prefix: str, folders: dict[str, Path]) -> PairScan:
    visible = _by_stem(folders["visible"], IMAGE_SUFFIXES)
    infrared = _by_stem(folders["infrared"], IMAGE_SUFFIXES)
    masks = _by_stem(folders.get("mask"), IMAGE_SUFFIXES)
    boxes = _by_stem(folders.get("boxes"), frozenset({".txt"}))
    pairs = [
        FilePair(prefix + stem, path, infrared[stem], masks.get(stem), boxes.get(stem))
        for stem, path in visible.items()
        if stem in infrared
    ]
    lonely = [(path, "infrared") for stem, path in visible.items() if stem not in infrared]
    lonely += [(path, "visible") for stem, path in infrared.items() if stem not in visible]
    return PairScan(pairs, [f"{path}: has no {other} image of the same stem" for path, other in lonely])


def _select(pairs: list[FilePair], list_file: Path) -> PairScan:
    try:
        lines = list_file.read_text().split()
    except OSError as error:
        raise ValueError(f"list {list_file} cannot be read ({error.strerror}); expected one stem a line") from error
    by_name = {pair.name: pair for pair in pairs}
    chosen = [by_name[line] for line in lines if line in by_name]
    return PairScan(chosen, [f"{list_file}: {line} has no images" for line in lines if line not in by_name])
