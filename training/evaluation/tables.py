"""The tables of the report: their titles, descriptions, rows and columns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table of the scores at path `where`; `rows` are (key, label) or "*" for all; `own` is the model's column."""

    title: str
    says: str
    where: str
    rows: tuple[tuple[str, str], ...] | str
    columns: tuple[tuple[str, str], ...]
    own: str = "edit"
    digits: int = 2


COMPARED = (
    ("floor", "floor: B rebuilt"),
    ("shuffled", "control: shuffled"),
    ("edit", "edit"),
    ("rebuilt_a", "ceiling: A rebuilt"),
    ("photo_a", "A itself, measured again"),
)
PROBES = (
    ("from_e/r2", "R² from e"),
    ("from_z/r2", "R² from z"),
    ("from_e/mae", "MAE from e"),
    ("from_z/mae", "MAE from z"),
)
FIDELITY = Table(
    "Reconstruction",
    "How close the rebuilt picture is to the one it was inferred from, over all held-out pictures. L1 in grey levels "
    "of 255 (lower is better), PSNR in dB and SSIM (higher is better). The floor is the average training picture in "
    "place of every reconstruction; the ceiling would be an exact copy: 0, infinite, 1.",
    "fidelity",
    (("mean_image", "floor: the average picture"), ("rebuilt", "rebuilt")),
    (("l1", "L1"), ("psnr", "PSNR"), ("ssim", "SSIM")),
    own="",
)


def realism(fid: str, kid: str) -> Table:
    """Returns the table of distances under the given names."""
    return Table(
        f"Realism: {fid} and {kid}",
        "Fréchet and kernel distance between sets of {pictures} pictures and {train_pictures} training pictures, in "
        "the features of a small network trained by this project (features {features}). Lower is better. They are "
        "not FID and KID and cannot be compared with figures from papers. The ceiling is held-out real pictures; the "
        "floors are the same pictures blurred, and noise. ± is the standard deviation over random subsets.",
        "realism",
        (
            ("to_train/photos", "ceiling: real, held out"),
            ("to_train/rebuilt", "rebuilt"),
            ("to_train/random_e", "inferred z, random e"),
            ("to_train/prior", "random z, random e"),
            ("to_train/blurred", "real, blurred"),
            ("to_train/noise", "noise"),
        ),
        (("fid", fid), ("kid", kid), ("kid_std", "±")),
        own="",
        digits=3,
    )


PROGRESS = (
    "<b>Progress</b> is how far the edit went on the way from B's style to A's: 0 not at all, 1 all the way (median "
    "over {pairs} pairs; half of them lie at {transfer_progress_quartiles}; 95% of resampled medians at "
    "{transfer_progress_interval}). It is optimistic: any shift towards the average scores about 0.5, as the shuffled "
    "control shows (the same edit compared with a third's style). <b>Slope</b> avoids this: it is the share of the "
    "differences between As that shows up in the edits (0: unrelated to A; 1: all of it)."
)
KEEPS = Table(
    "What stays of B",
    "How much of B's own style is still there: the same slope against B. An edit should have none left; a "
    "reconstruction should keep it all.",
    "transfer",
    (("keeps_b", "keeps B's"),),
    (("edit", "edit (0 is best)"), ("rebuilt_b", "B rebuilt (1 is best)"), ("photo_b", "B itself, measured again")),
)


TABLES = {
    "faces": (
        FIDELITY,
        realism("FID-expr", "KID-expr"),
        Table(
            "What the latents encode",
            "A linear probe on frozen features, on people it was not fitted to. Expressions should be predictable "
            "from e, and not from z.",
            "probes",
            "*",
            PROBES,
            own="from_e/r2",
        ),
    ),
    "digits": (
        Table(
            "Style transfer",
            "Colour is measured from the pixels, size and stroke width by the feature network. The right answer is "
            "known: B's "
            "outline drawn in A's style, which is the ceiling of the measure. " + PROGRESS,
            "transfer",
            (("transfer_progress", "progress"), ("transfer_slope", "slope")),
            (*COMPARED, ("answer", "the right answer")),
        ),
        Table(
            "Slope by factor",
            "The same slope for single factors: 0 nothing, 1 all of it.",
            "transfer/transfer_slope_by_part",
            "*",
            (*COMPARED, ("answer", "the right answer")),
        ),
        Table(
            "Error of each factor",
            "Mean absolute difference from A's style (colour and scale as fractions, width as a share of 10 px). The "
            "value for the right answer is the error of the measure itself.",
            "transfer/error",
            "*",
            (*COMPARED, ("answer", "the right answer")),
            digits=3,
        ),
        KEEPS,
        Table(
            "Against the right answer, pixel by pixel",
            "B's outline drawn in A's style is what the edit should be. L1 in grey levels of 255 (lower is better), "
            "PSNR and SSIM (higher is better).",
            "transfer/answer",
            (("floor", "floor: B as it was"), ("edit", "edit"), ("answer_rebuilt", "ceiling: the answer, rebuilt")),
            (("l1", "L1"), ("psnr", "PSNR"), ("ssim", "SSIM")),
            own="",
        ),
        Table(
            "Is it still the same digit?",
            "The share in which a classifier sees B's digit. Its accuracy on real digits in A's style is the ceiling.",
            "transfer",
            (("digit", "share"),),
            (
                ("shuffled", "control: a third digit's"),
                ("edit_shows_a", "edit shows A's"),
                ("edit", "edit shows B's"),
                ("rebuilt_b", "B rebuilt"),
                ("answer", "ceiling: the right answer"),
                ("photo_b", "B itself"),
            ),
            digits=3,
        ),
        FIDELITY,
        realism("FID-style", "KID-style"),
        Table(
            "What the latents encode",
            "A linear probe on frozen features, on digits it was not fitted to. Style should be predictable from e, "
            "and not from z.",
            "probes",
            "*",
            PROBES,
            own="from_e/r2",
        ),
    ),
}
