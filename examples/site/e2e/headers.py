"""What the proxy adds, hides and moves."""

import os
from http.client import HTTPConnection
from urllib.parse import urlsplit

PROXY = urlsplit(os.environ["SANDBOXER_ENDPOINT_PROXY_80"])


def get(path):
    connection = HTTPConnection(PROXY.netloc, timeout=5)
    connection.request("GET", path)
    return connection.getresponse()


page = get("/")
assert page.getheader("X-Content-Type-Options") == "nosniff", page.getheaders()
assert "Python" not in page.getheader("Server"), page.getheaders()
moved = get("/old/index.html")
assert moved.status == 301, moved.status
assert get("/.git/config").status == 404
print("the proxy does as it should")
