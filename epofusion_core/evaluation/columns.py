"""The columns of every table of results: their order, titles, precision and which direction is better."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One measure as tables show it.

    Attributes:
        key: name of the figure in measurements, CSV and JSON.
        title: heading in tables.
        meaning: one line for legends.
        decimals: digits after the point; figures that agree in them count as equal.
        higher_is_better: direction.
    """

    key: str
    title: str
    meaning: str
    decimals: int = 3
    higher_is_better: bool = True

    @property
    def heading(self) -> str:
        """The title with an arrow towards better."""
        return f"{self.title} {'↑' if self.higher_is_better else '↓'}"

    def format(self, value: float) -> str:
        """Return the value as tables show it; a dash where the measure does not apply."""
        return "–" if value != value else f"{value:.{self.decimals}f}"


COLUMNS = (
    Column("en", "EN", "entropy of the fused image, bits"),
    Column("mi", "MI", "mutual information with both sources, sum, bits"),
    Column("vif", "VIF", "visual information fidelity, sum over both sources"),
    Column("qabf", "Qabf", "edges of both sources that are kept"),
    Column("ssim", "SSIM", "structural similarity, mean over both sources"),
    Column("q_oe", "Q_oe", "infrared edges kept inside overexposed regions"),
    Column("c_oe", "C_oe", "correlation with the infrared inside overexposed regions"),
    Column("n_oe", "N_oe", "infrared noise in blown-out regions with no object near, grey levels", 1, False),
    Column("phantom", "phantom", "gradient that neither source has, grey levels a pixel", 4, False),
    Column("phantom_worst", "worst 1 %", "the same, in the worst 1 % of the pixels", 3, False),
    Column("dy", "dY", "change of the visible image away from glare, grey levels", 2, False),
    Column("mask_iou", "mask IoU", "predicted mask against the true one, intersection over union"),
    Column("mask_precision", "mask prec.", "share of the predicted mask that is true"),
    Column("mask_recall", "mask recall", "share of the true mask that is predicted"),
    Column("biswe", "BiSWE", "change of a video frame against its warped neighbours, grey levels", 2, False),
    Column("ms2r", "MS2R", "change of the motion that the sources do not have, pixels", 3, False),
    Column("blots", "blots", "video frames with a patch that changes source for one frame", 2, False),
    Column("flicker", "flicker", "change between video frames beyond that of the sources, grey levels", 2, False),
)
"""All columns in the order of tables; a table shows those that apply to at least one of its rows."""
