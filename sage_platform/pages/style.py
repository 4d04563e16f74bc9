"""The style sheet and the icon that each page of ours carries itself.

So a page looks right whatever a proxy passes on, and loads nothing else.
"""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).parent
FILES = HERE / "static" / "pages"
# The sheet of charts is a static file too, for the administration.
STYLE = "\n".join(file.read_text(encoding="utf-8") for file in (HERE / "pages.css", FILES / "charts.css"))
# The policy lets a style sheet in by the hash of what is between its tags (CSP Level 3, §2.3.1), and no other.
STYLE_HASH = f"'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
ICON = "data:image/svg+xml," + quote((FILES / "sage.svg").read_text(encoding="utf-8").strip())
