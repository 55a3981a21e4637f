"""The shop has a price for whoever asks."""

import os
import urllib.request

SHOP = os.environ["SANDBOXER_ENDPOINT_SHOP_8000"].rstrip("/")

with urllib.request.urlopen(f"{SHOP}/price", timeout=5) as answer:
    price = answer.read().decode().strip()
assert price == "42", price
print(f"the price is {price}")
