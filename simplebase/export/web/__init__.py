"""A model as a folder of static files that runs in anybody's browser.

```
site/
├── index.html, style.css, page.js   the page
├── pose.js                          crop, model, decoding, smoothing, drawing; for other pages too
├── model.tflite, model.tflite.json  the model, which `load_runtime` opens too
├── poster.jpg                       one of the images that it was compared on: the first picture
└── litert/                          LiteRT.js, by Google, under the Apache License 2.0
site.parity.json                     how the page compares with the model
```

`page/` holds the files of the page as they are; `litert_js.py` fetches LiteRT.js, `browser.py` runs
the finished folder in Chromium, `poster.py` chooses the picture, and `site.py` joins them.
"""

from simplebase.export.web.litert_js import fetch_litert_js as fetch_litert_js
from simplebase.export.web.site import QUANTIZATIONS as QUANTIZATIONS
from simplebase.export.web.site import ExportedSite as ExportedSite
from simplebase.export.web.site import export_site as export_site
from simplebase.export.web.site import require_site_place as require_site_place
