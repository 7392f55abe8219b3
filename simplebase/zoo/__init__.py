"""Pretrained models by name, with their addresses, licences and settings."""

from typing import TYPE_CHECKING

from simplebase.lazy import lazy_names

_PUBLIC = {
    "KINDS": "simplebase.zoo.table",
    "PERSON": "simplebase.zoo.embedded",
    "Published": "simplebase.zoo.table",
    "ZooModel": "simplebase.zoo.table",
    "aliases": "simplebase.zoo.table",
    "conversion_options": "simplebase.zoo.conversion",
    "is_known": "simplebase.zoo.table",
    "find": "simplebase.zoo.table",
    "model_file": "simplebase.zoo.opening",
    "models": "simplebase.zoo.table",
    "names": "simplebase.zoo.table",
    "require_model": "simplebase.zoo.opening",
}

__all__ = sorted(_PUBLIC)

if TYPE_CHECKING:
    from simplebase.zoo.conversion import conversion_options as conversion_options
    from simplebase.zoo.embedded import PERSON as PERSON
    from simplebase.zoo.opening import model_file as model_file
    from simplebase.zoo.opening import require_model as require_model
    from simplebase.zoo.table import KINDS as KINDS
    from simplebase.zoo.table import Published as Published
    from simplebase.zoo.table import ZooModel as ZooModel
    from simplebase.zoo.table import aliases as aliases
    from simplebase.zoo.table import find as find
    from simplebase.zoo.table import is_known as is_known
    from simplebase.zoo.table import models as models
    from simplebase.zoo.table import names as names

__getattr__ = lazy_names(__name__, _PUBLIC)
