# Run by mmdebstrap with the new root as $1: podman as it runs inside a system container.
set -eu
root=$1

install -d "$root/etc/containers/containers.conf.d"
cat > "$root/etc/containers/containers.conf.d/10-lab.conf" <<'END'
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"

[containers]
default_ulimits=["nofile=1024:4096","nproc=4096:4096"]
END
echo "PODMAN_IGNORE_CGROUPSV1_WARNING=1" >> "$root/etc/environment"
