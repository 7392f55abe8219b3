"""Export to other formats. TensorFlow is imported when one of the names is first used."""

from typing import TYPE_CHECKING

from simplebase.lazy import lazy_names

_PUBLIC = {
    "Exported": "simplebase.export.all_formats",
    "Exporter": "simplebase.export.export",
    "ExportSettings": "simplebase.export.export_settings",
    "Parity": "simplebase.export.parity",
    "ExportedSite": "simplebase.export.web",
    "export_all": "simplebase.export.all_formats",
    "export_site": "simplebase.export.web",
    "parity_file": "simplebase.export.places",
}

__all__ = sorted(_PUBLIC)

if TYPE_CHECKING:
    from simplebase.export.all_formats import Exported as Exported
    from simplebase.export.all_formats import export_all as export_all
    from simplebase.export.export import Exporter as Exporter
    from simplebase.export.export_settings import ExportSettings as ExportSettings
    from simplebase.export.parity import Parity as Parity
    from simplebase.export.places import parity_file as parity_file
    from simplebase.export.web import ExportedSite as ExportedSite
    from simplebase.export.web import export_site as export_site

__getattr__ = lazy_names(__name__, _PUBLIC)
