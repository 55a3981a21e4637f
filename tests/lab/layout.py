"""Where the lab lies on this machine, and its addresses."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
INVENTORY = REPOSITORY / "inventories" / "lab"
# of an inventory folder Ansible reads every file without a dot
KNOWN_HOSTS = INVENTORY / ".known_hosts"
IMAGE_SCRIPTS = Path(__file__).resolve().parent / "image"

# fixed: the committed inventory names the key in it; not below a 0700 home, shifted uids walk here
STATE = Path("/var/lib/sandboxer-lab")
CACHE = Path(os.environ.get("SANDBOXER_LAB_CACHE", "/var/cache/sandboxer-lab"))

INCUS_DIR = STATE / "incus"
INCUS_CLIENT = STATE / "incus-client"
SSH_KEY = STATE / "id_ed25519"
LOCK = STATE / "lock"

BRIDGE = "sbxlab0"
GATEWAY = "10.77.0.1"
ARCHIVE_PORT = 8077
ARCHIVE_URL = f"http://{GATEWAY}:{ARCHIVE_PORT}"
