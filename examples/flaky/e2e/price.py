"""The shop has a price for whoever asks."""

import os
import sys
import urllib.error
import urllib.request

SHOP = os.environ["SANDBOXER_ENDPOINT_SHOP_8000"].rstrip("/")

try:
    with urllib.request.urlopen(f"{SHOP}/price", timeout=5) as answer:
        price = answer.read().decode().strip()
except urllib.error.HTTPError as error:
    sys.exit(f"the shop has no price: {error}")
assert price == "42", price
print(f"the price is {price}")
