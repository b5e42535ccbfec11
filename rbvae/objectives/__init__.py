"""The equations, one file a method; every file that defines METHOD is a method, and nothing else lists them."""

from __future__ import annotations

import importlib
import pkgutil

from rbvae.errors import ConfigError
from rbvae.objectives.method import Method, ObjectiveConfig, means

__all__ = ["Method", "ObjectiveConfig", "get_method", "means", "method_names"]


def _methods() -> dict[str, Method]:
    modules = (importlib.import_module(found.name) for found in pkgutil.walk_packages(__path__, f"{__name__}."))
    methods = [module.METHOD for module in modules if hasattr(module, "METHOD")]
    return {method.name: method for method in sorted(methods, key=lambda method: method.name)}


def method_names() -> list[str]:
    """Names that `get_method` takes, sorted."""
    return list(_methods())


def get_method(name: str) -> Method:
    """The method of that name; raises ConfigError that lists the names there are."""
    methods = _methods()
    if name not in methods:
        raise ConfigError(f"unknown method {name!r}; choose one of {', '.join(methods)}")
    return methods[name]
