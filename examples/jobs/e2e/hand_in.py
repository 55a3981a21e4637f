"""Twenty jobs, by the front that runs in this container."""

import urllib.request

for number in range(20):
    url = f"http://127.0.0.1:8000/jobs/{number}"
    urllib.request.urlopen(urllib.request.Request(url, b"job %d" % number, method="PUT"), timeout=5)
print("20 jobs are handed in")
