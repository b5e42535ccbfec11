"""The lines of the report's summary table, with the paths of each score, its floor and its ceiling."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A line of the summary, with the paths of the model's score, its floor and its ceiling."""

    label: str
    own: str
    floor: str
    ceiling: str
    says: str
    digits: int = 2


WORDS = {"blurred": "real pictures, blurred", "noise": "noise"}
_LAST = (
    Line(
        "reconstruction, L1",
        "fidelity/rebuilt/l1",
        "fidelity/mean_image/l1",
        "",
        "grey levels of 255; lower is better",
        1,
    ),
    Line("reconstruction, SSIM", "fidelity/rebuilt/ssim", "fidelity/mean_image/ssim", "", "1 is an exact copy"),
)
_SPREAD = (
    Line(
        "spread over e",
        "spread_over_e",
        "",
        "apart",
        "grey levels between two random e at one z; 0 is a model that ignores e, the ceiling two photos",
        1,
    ),
    Line("deviation of e", "e_std", "", "", "of inferred e over the data; the prior's is 1"),
)


def _random(name: str, floor: str) -> Line:
    return Line(
        f"{name}, random e",
        "realism/to_train/random_e/fid",
        f"realism/to_train/{floor}/fid",
        "realism/to_train/photos/fid",
        f"distance from real pictures in this project's features; lower is better; the floor is {WORDS[floor]}",
        1,
    )


SUMMARY = {
    "faces": (*_LAST, _random("FID-expr", "blurred"), *_SPREAD),
    "digits": (
        Line(
            "slope of the transferred style",
            "transfer/transfer_slope/edit",
            "transfer/transfer_slope/floor",
            "transfer/transfer_slope/answer",
            "how much of A's colour, size and width arrives on B: 0 nothing, 1 all",
        ),
        Line(
            "progress to A's style",
            "transfer/transfer_progress/edit",
            "transfer/transfer_progress/shuffled",
            "transfer/transfer_progress/answer",
            "on the way from B's style to A's; the floor is what any unrelated style gets",
        ),
        Line(
            "stays the same digit",
            "transfer/digit/edit",
            "transfer/digit/shuffled",
            "transfer/digit/answer",
            "share in which a classifier still sees B's digit",
        ),
        Line(
            "error against the right answer, L1",
            "transfer/answer/edit/l1",
            "transfer/answer/floor/l1",
            "transfer/answer/answer_rebuilt/l1",
            "grey levels of 255; lower is better",
            1,
        ),
        *_LAST,
        _random("FID-style", "noise"),
        *_SPREAD,
    ),
}
