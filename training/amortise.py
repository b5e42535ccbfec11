"""After the last step: encoder_z learns to see more of what its generator can draw.

One encoder serves all images, so the z that it infers is not the one that draws an image best: the amortisation gap
(Cremer et al. 2018), which an adversarial objective leaves wide. Here the generator, encoder_e and e_ref are held, and
encoder_z alone minimises the L1 of rebuilt images, seen in other light and moved a little (training/telling.py), and
how far z moves when the same face is drawn with somebody else's e: without that, z would learn what belongs to e. The
paper has nothing of the kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional as F

from rbvae.model import RbVAE
from training.batches import Batches
from training.telling import descend

if TYPE_CHECKING:
    from training.streaming import StreamedBatches

RATE = 7e-4
KEEP = 0.15  # weight of a squared unit of z against the range [-1, 1] of pixels


def amortise(model: RbVAE, batches: Batches | StreamedBatches, steps: int) -> None:
    """Trains `model.encoder_z`, in place, on the unlabelled images of the first `steps` batches; nothing of the model
    asks for gradients afterwards."""

    def loss(x: Tensor, _: Tensor) -> Tensor:
        x = x.clamp(-1, 1)
        e = model.encoder_e(x).mean
        z = model.encoder_z(x).mean
        crossed = model.decode(z.detach(), e.roll(1, 0))
        kept = F.mse_loss(model.encoder_z(crossed).mean, z.detach())
        return F.l1_loss(model.decode(z, e), x) + KEEP * kept

    model.requires_grad_(False)
    model.encoder_z.requires_grad_(True)
    descend(model.encoder_z, loss, batches, steps, "after the last step, encoder_z alone", RATE)
    model.requires_grad_(False)
