"""How tests log in: a key of the lab's own, and host keys pinned from the hosts themselves."""

from tests.lab.command import run
from tests.lab.hosts import HOSTS, Host
from tests.lab.incus import incus
from tests.lab.layout import KNOWN_HOSTS, SSH_KEY


def make_key() -> None:
    if not SSH_KEY.exists():
        run(
            [
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                "sandboxer-lab",
                "-f",
                str(SSH_KEY),
            ]
        )


def admit(host: Host) -> None:
    """Let the key in, before the host's first boot."""
    incus(
        "file",
        "push",
        "--uid=0",
        "--gid=0",
        "--mode=0600",
        f"{SSH_KEY}.pub",
        f"{host.name}/root/.ssh/authorized_keys",
    )


def host_key(host: Host) -> str:
    """Through Incus, not over the network that the pinned key is to guard."""
    text = incus("file", "pull", f"{host.name}/etc/ssh/ssh_host_ed25519_key.pub", "-").stdout
    kind, key = text.split()[:2]
    return f"{kind} {key}"


def pin_host_keys() -> None:
    lines = [f"{host.address} {host_key(host)}\n" for host in HOSTS]
    new = KNOWN_HOSTS.with_name(".known_hosts.new")
    new.write_text("".join(lines))
    new.replace(KNOWN_HOSTS)


def ssh_argv(host: Host, *argv: str) -> list[str]:
    return [
        "ssh",
        "-F",
        "none",
        "-i",
        str(SSH_KEY),
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=yes",
        "-o",
        f"UserKnownHostsFile={KNOWN_HOSTS}",
        "-o",
        "ConnectTimeout=5",
        f"root@{host.address}",
        *argv,
    ]
