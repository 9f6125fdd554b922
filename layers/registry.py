"""All layers, in their drawing order, and how to find one."""

from __future__ import annotations

import importlib
import pkgutil

from layers import catalog
from layers.errors import DeclarationError
from layers.layer import Layer


def _read_catalog() -> dict[str, Layer]:
    found: dict[str, Layer] = {}
    for module in pkgutil.iter_modules(catalog.__path__):
        layer = getattr(importlib.import_module(f"layers.catalog.{module.name}"), "LAYER", None)
        if not isinstance(layer, Layer):
            raise DeclarationError(f"layers/catalog/{module.name}.py: declares no LAYER = Layer(…)")
        found[layer.name] = layer
    titles: dict[str, str] = {}
    for layer in found.values():
        other = titles.setdefault(layer.title, layer.name)
        if other != layer.name:
            raise DeclarationError(f"{layer.where}: the title {layer.title} is that of layers/catalog/{other}.py")
    return dict(sorted(found.items(), key=lambda item: (item[1].style.order, item[0])))


LAYERS: dict[str, Layer] = _read_catalog()
"""Every layer by name, lowest drawn first."""
