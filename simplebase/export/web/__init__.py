"""Exports a model as a folder of static files that runs in a browser.

```
site/
├── index.html, style.css, page.js   the page
├── pose.js                          crop, model, decoding, smoothing, drawing; for other pages too
├── model.tflite, model.tflite.json  the model, which `load_runtime` can also open
├── poster.jpg                       the first picture, one of the images of the comparison
├── detector.js, detector.tflite     with a detector: finds the objects
└── litert/                          LiteRT.js, by Google, under the Apache License 2.0
site.parity.json                     the comparison of the page with the model
```

`page/` contains the static files of the page. `yolox.py` translates a detector, and `detector.py`
writes and compares it. `litert_js.py` fetches LiteRT.js, `browser.py` runs the finished folder in
Chromium, `poster.py` chooses the picture, `content.py` names the files, and `site.py` puts all
together. TensorFlow is imported when one of the names below is first used.
"""

from typing import TYPE_CHECKING

from simplebase.lazy import lazy_names

_PUBLIC = {
    "MOST_BYTES": "simplebase.export.web.site",
    "ExportedSite": "simplebase.export.web.site",
    "SiteDetector": "simplebase.export.web.detector",
    "export_site": "simplebase.export.web.site",
    "fetch_litert_js": "simplebase.export.web.litert_js",
}

__all__ = sorted(_PUBLIC)

if TYPE_CHECKING:
    from simplebase.export.web.detector import SiteDetector as SiteDetector
    from simplebase.export.web.litert_js import fetch_litert_js as fetch_litert_js
    from simplebase.export.web.site import MOST_BYTES as MOST_BYTES
    from simplebase.export.web.site import ExportedSite as ExportedSite
    from simplebase.export.web.site import export_site as export_site

__getattr__ = lazy_names(__name__, _PUBLIC)
