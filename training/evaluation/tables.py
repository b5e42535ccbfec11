"""What the report says of each measure: which figures stand side by side, under which heading, with which sentence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Figures at `where` in the scores; `rows` are (key, label) or "*" for all; `own` is the model's column."""

    title: str
    says: str
    where: str
    rows: tuple[tuple[str, str], ...] | str
    columns: tuple[tuple[str, str], ...]
    own: str = "edit"
    digits: int = 2


HELD = (
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
    "of 255 (lower is better), PSNR in dB and SSIM (higher is better). The floor answers every picture with the "
    "average training picture; the ceiling would be an exact copy: 0, infinite, 1.",
    "fidelity",
    (("mean_image", "floor: the average picture"), ("rebuilt", "rebuilt")),
    (("l1", "L1"), ("psnr", "PSNR"), ("ssim", "SSIM")),
    own="",
)


def realism(fid: str, kid: str) -> Table:
    """The table of distances, under the names they have for this kind."""
    return Table(
        f"Realism: {fid} and {kid}",
        "Fréchet and kernel distance between sets of pictures and {train_pictures} of training, {pictures} "
        "pictures a set, in the features of a small network trained by this project (features {features}). Lower is "
        "better. They are not FID and KID: no figure of another paper can be set beside them. Real ones of others "
        "are the ceiling; the same ones blurred, and noise, are the other end. ± is the deviation over random "
        "subsets.",
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


MOVED = (
    "<b>Moved</b> is how far the edit went on the way from B's {what} to A's, 0 not at all, 1 all the way (median "
    "over {pairs} pairs; half of them lie at {moved_quartiles}; 95% of resampled medians at {moved_interval}). It "
    "flatters: anything that drifts to the average gets about 0.5, which the shuffled control shows (the same edit "
    "held against a third's {what}). <b>Follows A</b> is free of that: how much of a difference between two A shows "
    "up in the edits (0: nothing to do with A; 1: all of it). <b>Distance to A</b> is lower for a better edit."
)
KEEPS = Table(
    "What stays of B",
    "How much of B's own {what} is still there: the same slope against B. An edit should have none left; a "
    "reconstruction should keep it all.",
    "transfer",
    (("keeps_b", "keeps B's"),),
    (("edit", "edit (0 is best)"), ("rebuilt_b", "B rebuilt (1 is best)"), ("photo_b", "B itself, measured again")),
)


def filled(table: Table, what: str) -> Table:
    """The table with its sentence about expressions, or about styles."""
    return Table(table.title, table.says.replace("{what}", what), table.where, table.rows, table.columns, table.own)


TABLES = {
    "faces": (
        filled(
            Table(
                "Expression transfer",
                "The face is found again in the edit, and MediaPipe's blendshapes (without the eyes) are compared. "
                + MOVED,
                "transfer",
                (("moved", "moved"), ("follows_a", "follows A"), ("distance", "distance to A")),
                (*HELD, ("strangers", "two people's photos")),
            ),
            "expression",
        ),
        Table(
            "Which part of the expression follows A",
            "The same slope for single expressions: 0 nothing, 1 all of it.",
            "transfer/follows_a_by_part",
            "*",
            HELD,
        ),
        filled(KEEPS, "expression"),
        Table(
            "Landmarks",
            "Mean distance between landmarks after alignment, median over the pairs, in units of the distance "
            "between the outer eye corners. Lower is better; two people's mouths differ in shape as well, so an edit "
            "cannot reach 0.",
            "transfer/landmarks",
            "*",
            (
                ("strangers", "floor: B to A"),
                ("floor", "B rebuilt to A"),
                ("edit", "edit to A"),
                ("rebuilt_a", "ceiling: A rebuilt to A"),
                ("rebuilt_b", "B rebuilt to B"),
            ),
            digits=3,
        ),
        Table(
            "Pose that drifts",
            "How far the head turns against the photo of B, in degrees (median). An edit should not turn it.",
            "transfer/pose",
            "*",
            (
                ("photo_a", "floor: another's photo"),
                ("edit", "edit"),
                ("rebuilt_b", "ceiling: B rebuilt"),
            ),
            digits=1,
        ),
        Table(
            "What else an edit changes",
            "Mean difference from the plain reconstruction of B, in grey levels of 255: of single pixels, and of their "
            "means in windows of a third of the side, which is light and complexion. An expression changes some "
            "pixels and hardly any light; less light for the same expression is better.",
            "transfer/changes",
            (("light", "broad light"), ("pixels", "pixels")),
            (("strangers", "floor: A rebuilt"), ("edit", "edit")),
            digits=1,
        ),
        Table(
            "Faces found again",
            "The share of pictures in which the landmarker finds a face at all; the others are left out above.",
            "transfer",
            (("found", "found"),),
            (("edit", "edit"), ("rebuilt", "B rebuilt"), ("photo", "ceiling: photo")),
            digits=3,
        ),
        Table(
            "Identity",
            "Cosine of dlib's face descriptors with the photo of B, centred so that strangers are at 0, over {pairs} "
            "pairs ({same_pairs} of them have another photo of the same person). An edit should stay B, and not "
            "become A.",
            "identity",
            (("", "cosine"),),
            (
                ("strangers", "floor: other people"),
                ("edit", "edit"),
                ("rebuilt_b", "B rebuilt"),
                ("same", "ceiling: another photo of B"),
                ("edit_with_a", "edit with A"),
            ),
        ),
        FIDELITY,
        Table(
            "For whom: reconstruction",
            "The error of the rebuilt picture, in grey levels of 255, for groups that the photo alone can tell: how "
            "far the head is turned, and the tone of the cheeks (individual typology angle), which light and camera "
            "have their say in. Age and sex are not guessed.",
            "whom",
            "*",
            (("photos", "photos"), ("l1", "L1")),
            own="",
            digits=1,
        ),
        Table(
            "For whom: expression transfer",
            "The same groups, of B: how far the edit moves to A's expression, where the plain reconstruction of B "
            "stands, and the share of edits in which a face is found again.",
            "transfer/whom",
            "*",
            (("pairs", "pairs"), ("moved", "edit"), ("floor", "floor: B rebuilt"), ("found", "found")),
            own="moved",
        ),
        realism("FID-expr", "KID-expr"),
        Table(
            "What the latents tell",
            "A linear probe on frozen features, on people it was not fitted to. Expressions should be read from e, "
            "and not from z.",
            "probes",
            "*",
            PROBES,
            own="from_e/r2",
        ),
    ),
    "digits": (
        filled(
            Table(
                "Style transfer",
                "Colour is read from the pixels; size and stroke width by the feature network. The answer is known: "
                "B's "
                "outline drawn in A's style, which is the ceiling of the measure. " + MOVED.split(" <b>Distance")[0],
                "transfer",
                (("moved", "moved"), ("follows_a", "follows A")),
                (*HELD, ("answer", "the right answer")),
            ),
            "style",
        ),
        Table(
            "Which part of the style follows A",
            "The same slope for single factors: 0 nothing, 1 all of it.",
            "transfer/follows_a_by_part",
            "*",
            (*HELD, ("answer", "the right answer")),
        ),
        Table(
            "Error of each factor",
            "Mean absolute difference from A's style (colour and scale as fractions, width as a share of 10 px). What "
            "the right answer gets is the error of the measure itself.",
            "transfer/error",
            "*",
            (*HELD, ("answer", "the right answer")),
            digits=3,
        ),
        filled(KEEPS, "style"),
        Table(
            "Against the right answer, pixel by pixel",
            "B's outline drawn in A's style is what the edit should be. L1 in grey levels of 255 (lower is better), "
            "PSNR and SSIM (higher is better).",
            "transfer/answer",
            (
                ("floor", "floor: B as it was"),
                ("edit", "edit"),
                ("answer_rebuilt", "ceiling: the answer, rebuilt"),
            ),
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
            "What the latents tell",
            "A linear probe on frozen features, on digits it was not fitted to. Style should be read from e, and not "
            "from z.",
            "probes",
            "*",
            PROBES,
            own="from_e/r2",
        ),
    ),
}
