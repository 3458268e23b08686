"""Where paired data sets keep their images: folders of two cameras side by side, whatever lies above and below them.

| layout | data sets |
|---|---|
| `{vi,ir}[,mask,boxes]` | drives of our own, MSRS, M3FD (`Vis`, `Ir`) |
| `train/{Visible,Infrared,Label}` | FMB, and FLIR ADAS (`train/{RGB,thermal_8_bit}`) |
| `visible/train`, `infrared/train` | LLVIP |
| `set00/V000/{visible,lwir}` | KAIST |
| one folder of `NAME_RGB.jpg`, `NAME_PreviewData.jpeg` | FLIR, aligned |
"""

from collections.abc import Iterator
from pathlib import Path

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".jp2", ".avif"}
    | {".pgm", ".ppm", ".pbm", ".pnm"}
)
"""Of files that OpenCV reads."""

_FOLDER_NAMES = {
    "visible": ("vi", "vis", "visible", "rgb", "crop_lr_visible"),
    "infrared": ("ir", "infrared", "thermal", "lwir", "t", "thermal_8_bit", "thermal_16_bit", "cropinfrared"),
    "mask": ("mask", "masks", "segmentation_labels", "label", "labels"),
    "boxes": ("boxes",),
}
_BOTH = frozenset({"visible", "infrared"})

_ENDINGS = {
    "visible": ("_rgb", "_visible", "_vis", "_vi"),
    "infrared": ("_previewdata", "_thermal", "_infrared", "_lwir", "_ir"),
}
"""Of stems, in small letters, by the camera that they name."""

_DEEPEST = 4
"""Folders below the root that are looked into."""


def camera_ending(stem: str, kind: str) -> str:
    """Return the ending of a stem that names the camera, "visible" or "infrared"; empty where there is none."""
    ending = next((each for each in _ENDINGS[kind] if stem.lower().endswith(each)), "")
    return stem[len(stem) - len(ending) :]


def find_folders(root: Path, split: str | None, unpaired: list[str]) -> dict[str, dict[str, Path]]:
    """Return the folders of each kind that hold pairs, by the prefix of their pairs' names: "" or "dataset/".

    Args:
        root: an existing folder.
        split: only what lies in a folder of this name, which then is no part of the prefix.
        unpaired: gets a sentence for each folder of images that the other camera lacks.
    """
    found = {}
    for base, folders in _side_by_side(root, split, _DEEPEST):
        for below, kinds in subfolders(folders, unpaired):
            parts = [*base.relative_to(root).parts, *below]
            if split is not None:
                index = next((i for i, part in enumerate(parts) if part.lower() == split.lower()), None)
                if index is None:
                    continue
                del parts[index]
            found["".join(f"{part}/" for part in parts)] = kinds
    return found


def subfolders(folders: dict[str, Path], unpaired: list[str]) -> Iterator[tuple[tuple[str, ...], dict[str, Path]]]:
    """Yield the folders themselves and, by their path, the subfolders that both cameras have."""
    yield (), folders
    children = {kind: {path.name: path for path in _folders_in(folder)} for kind, folder in folders.items()}
    visible, infrared = children["visible"], children["infrared"]
    for name in sorted(visible.keys() ^ infrared.keys()):
        lonely = visible.get(name) or infrared[name]
        if _holds_images(lonely):
            unpaired.append(f"{lonely}: the other camera has no folder of this name")
    for name in sorted(visible.keys() & infrared.keys()):
        below = {kind: paths[name] for kind, paths in children.items() if name in paths}
        for parts, kinds in subfolders(below, unpaired):
            yield (name, *parts), kinds


def _side_by_side(folder: Path, split: str | None, depth: int) -> Iterator[tuple[Path, dict[str, Path]]]:
    """Yield each folder that has those of both cameras, and these by kind."""
    children = _folders_in(folder)
    by_name = {path.name.lower(): path for path in children}
    kinds = {
        kind: next(by_name[name] for name in names if name in by_name)
        for kind, names in _FOLDER_NAMES.items()
        if any(name in by_name for name in names)
    }
    if kinds.keys() >= _BOTH:
        yield folder, kinds
        children = [path for path in children if split is not None and path.name.lower() == split.lower()]
    elif _has_both_endings(folder):
        yield folder, {"visible": folder, "infrared": folder}
    for path in children if depth else ():
        yield from _side_by_side(path, split, depth - 1)


def _has_both_endings(folder: Path) -> bool:
    stems = [path.stem for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]
    return all(any(camera_ending(stem, kind) for stem in stems) for kind in sorted(_BOTH))


def _holds_images(folder: Path) -> bool:
    return any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.rglob("*"))


def _folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder, in order; hidden ones and those that are named like images are none."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.suffix.lower() not in IMAGE_SUFFIXES
    )
