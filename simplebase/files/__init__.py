"""Reads and writes files: text, JSON, and outputs that are never half-written.

Modules that need further libraries are imported directly: `yaml`, `npz`, `inflation`, `locks`.
"""

from simplebase.files.paths import cache_folder as cache_folder
from simplebase.files.paths import file_sha256 as file_sha256
from simplebase.files.paths import require_exists as require_exists
from simplebase.files.paths import require_file as require_file
from simplebase.files.paths import short_names as short_names
from simplebase.files.paths import stored_bytes as stored_bytes
from simplebase.files.reading import parse_json as parse_json
from simplebase.files.reading import read_json as read_json
from simplebase.files.reading import read_text as read_text
from simplebase.files.reading import require_length as require_length
from simplebase.files.writing import naming_file as naming_file
from simplebase.files.writing import replacing as replacing
from simplebase.files.writing import require_output as require_output
from simplebase.files.writing import write_json as write_json
from simplebase.files.writing import write_text as write_text
