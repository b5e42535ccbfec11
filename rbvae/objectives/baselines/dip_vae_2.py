"""DIP-VAE-II (Kumar et al. 2018): the covariance of the aggregate posterior is held to the identity."""

from __future__ import annotations

from rbvae.config import ModelConfig
from rbvae.models.model import RbVAE
from rbvae.objectives.baselines.covariance import CovarianceTerms, covariance_of_latents, penalties
from rbvae.objectives.baselines.single_latent import LatentDraw, draw, image_nll
from rbvae.objectives.method import Method, ObjectiveConfig


def model_terms(model: RbVAE, discs: object, draws: LatentDraw, objective: ObjectiveConfig) -> CovarianceTerms:
    """The evidence lower bound and the penalties on the covariance of the aggregate posterior."""
    off_diagonal, diagonal = penalties(covariance_of_latents(draws.q))
    kl = draws.q.kl_to_prior()
    return CovarianceTerms(
        kl=kl,
        image=image_nll(model, draws, objective),
        off_diagonal=off_diagonal.expand_as(kl),
        diagonal=diagonal.expand_as(kl),
    )


def weights(objective: ObjectiveConfig, config: ModelConfig) -> dict[str, float]:
    """lambda_od, and lambda_d the same."""
    return {"kl": 1.0, "image": 1.0, "off_diagonal": objective.dip_weight, "diagonal": objective.dip_weight}


METHOD = Method(name="dip2", title="DIP-VAE-II", draw=draw, model_terms=model_terms, weights=weights, features="ze")
