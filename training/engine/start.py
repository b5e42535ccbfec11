"""The first weights of a run: those of a checkpoint, or a closed form, before which references may be classified."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rbvae.checkpoint import load_checkpoint
from rbvae.errors import TrainingError
from rbvae.extensions.closed_form import closed_form, principal_form
from rbvae.extensions.reference_classifier import ReferenceClassifier
from rbvae.models.model import RbVAE
from training.data.batches import AnyBatches, Batches
from training.engine.linear_init import LinearStart, linear_init
from training.engine.processes import Processes
from training.engine.reference_pretraining import pretrain_e, pretrained_dims, train_classifier
from training.engine.state import TrainingState

if TYPE_CHECKING:
    from training.data.codes import FaceCodes

IMAGES = 4096  # of either kind, for the closed form


def begin(state: TrainingState, batches: AnyBatches) -> None:
    """Sets the first weights from a checkpoint if `init` names one, otherwise in closed form in the linear paths if the
    networks have them.

    Before either, trains the classifier of references if `pretraining_steps` asks for it. The main process computes,
    from the batches of all processes, so that several begin as one does (of streamed images, from its own share).
    """
    config = state.config
    classifier = _trained_classifier(state, batches) if config.pretraining and state.separates else None
    if config.init:
        warm_start(state, config.init)
    elif config.model.linear:
        state.model.encoder_e.requires_grad_(True)
        _begin_linear(state, batches, classifier)
        state.ema.load_state_dict(state.model.state_dict())
    if state.classifier:
        if classifier:
            state.classifier.load_state_dict(classifier.state_dict())
        _share(state.processes, [t for t in state.classifier.state_dict().values() if t.is_floating_point()])
    state.freeze()


def begin_on_codes(state: TrainingState, faces: FaceCodes) -> None:
    """Sets the basis, and the first weights from a checkpoint if `init` names one, otherwise in closed form."""
    state.model.basis.load_state_dict(faces.basis.state_dict())  # copies of the model share it
    if state.config.init:
        warm_start(state, state.config.init)
        return
    if state.config.closed_form:
        _fill_in_closed_form(state, state.model, faces)
    state.ema.load_state_dict(state.model.state_dict())
    state.freeze()


def first_weights(state: TrainingState, faces: FaceCodes) -> RbVAE:
    """Returns a model on codes as it was before the first step, to be compared with."""
    model = RbVAE(state.config.model).to(state.device)
    model.basis.load_state_dict(faces.basis.state_dict())
    _fill_in_closed_form(state, model, faces)
    return model.eval()


def warm_start(state: TrainingState, checkpoint: str) -> None:
    """Sets the weights of a checkpoint. Raises TrainingError if its networks have another shape."""
    model = load_checkpoint(checkpoint).model
    if model.config != state.config.model:
        raise TrainingError(f"--init {checkpoint} has other networks ({model.config}) than this run")
    state.model.load_state_dict(model.state_dict())
    state.ema.load_state_dict(model.state_dict())


def first_images(batches: AnyBatches) -> tuple[Tensor, Tensor]:
    """Returns (x_u, x_r), IMAGES each or a few more."""
    drawn: list[tuple[Tensor, Tensor]] = []
    count = 0
    while count < IMAGES:
        drawn.append(batches.at(len(drawn)))
        count += len(drawn[-1][0])
    return torch.cat([x_u for x_u, _ in drawn]), torch.cat([x_r for _, x_r in drawn])


def _fill_in_closed_form(state: TrainingState, model: RbVAE, faces: FaceCodes) -> None:
    start = closed_form if state.separates else principal_form
    start(model, faces.statistics)


def _trained_classifier(state: TrainingState, batches: AnyBatches) -> ReferenceClassifier | None:
    """Returns one trained by the main process if the run needs one; the other processes' untrained copy, if any."""
    if state.processes.main and (state.classifier or not state.config.init):
        return train_classifier(_of_all(batches), state.config.pretraining, state.device, state.new_classifier)
    return state.classifier


def _begin_linear(state: TrainingState, batches: AnyBatches, classifier: ReferenceClassifier | None) -> None:
    """Fills the linear paths and e_ref, and after reference pretraining all of encoder_e, in every process."""
    model, config, processes = state.model, state.config, state.processes
    pretrained = pretrained_dims(config.model) if config.pretraining and state.separates else 0
    if processes.main:
        batches = _of_all(batches)
        images = first_images(batches)
        with full_precision():
            if classifier:
                pretrain_e(model.encoder_e, classifier, batches, images, config.pretraining)
            print(
                f"before step 0: closed form of {len(images[0]):,} images of either kind: minutes on a CPU", flush=True
            )
            linear_init(model, *images, LinearStart(state.separates, config.flip, pretrained))
    of_e = model.encoder_e if pretrained else model.encoder_e.linear_map
    path = (model.encoder_z.linear_map, of_e, model.generator.linear_map)
    _share(processes, [model.e_ref, *(parameter for part in path for parameter in part.parameters())])


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Matrix products of a GPU in 24 bits: small eigenvalues would be lost among what TF32 rounds off."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def _share(processes: Processes, tensors: Sequence[Tensor]) -> None:
    """Fills the tensors with the main process's."""
    with torch.no_grad():
        values = processes.from_main([tensor.detach() for tensor in tensors])
        for tensor, value in zip(tensors, values, strict=True):
            tensor.copy_(value)


def _of_all(batches: AnyBatches) -> AnyBatches:
    """Returns the batches of all processes if this one can draw them."""
    if not isinstance(batches, Batches):
        return batches
    return dataclasses.replace(batches, sampling=dataclasses.replace(batches.sampling, rank=0, world=1))
