"""Each page that can be reached from the first one is there. What was seen is in pages.txt."""

import os
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

SITE = os.environ["SANDBOXER_ENDPOINT_PROXY_80"].rstrip("/") + "/"


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.found.append(dict(attrs)["href"])


seen = []
ahead = [SITE]
while ahead:
    page = ahead.pop()
    if page in seen or not page.startswith(SITE):
        continue
    with urllib.request.urlopen(page, timeout=5) as answer:
        links = Links()
        links.feed(answer.read().decode())
    seen.append(page)
    ahead += [urljoin(page, link) for link in links.found]

assert len(seen) == 3, seen  # index.html is the first page, too
paths = [page.removeprefix(SITE) or "." for page in seen]
Path(os.environ["E2E_OUT"], "pages.txt").write_text("\n".join(paths) + "\n")
print(f"{len(seen)} pages, no link is dead")
