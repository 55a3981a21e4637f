"""Real hosts for tests: Incus system containers with systemd, sshd and podman of their own."""
