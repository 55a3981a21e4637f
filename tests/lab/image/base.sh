# Run by mmdebstrap with the new root as $1: what makes a tree of packages a host.
set -eu
root=$1

cat > "$root/etc/systemd/network/10-eth0.network" <<'END'
[Match]
Name=eth0

[Network]
DHCP=ipv4
END
echo "nameserver 10.77.0.1" > "$root/etc/resolv.conf"

# one image, many hosts: each makes its own identity at first boot
: > "$root/etc/machine-id"
rm -f "$root/etc/hostname" "$root"/etc/ssh/ssh_host_*
cat > "$root/etc/systemd/system/ssh-host-keys.service" <<'END'
[Unit]
Description=Make this host's SSH keys
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A

[Install]
WantedBy=multi-user.target
END
install -d -m 0700 "$root/root/.ssh"

chroot "$root" systemctl enable --quiet systemd-networkd ssh ssh-host-keys
# at hours of its own choosing it would hold the lock of dpkg under a test
chroot "$root" systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer podman-auto-update.timer
# In a user namespace podman keeps network namespaces in root's runtime folder. It must outlive
# root's last login, or a later login's mount hides them and `podman ps` itself fails.
install -d "$root/var/lib/systemd/linger"
: > "$root/var/lib/systemd/linger/root"
