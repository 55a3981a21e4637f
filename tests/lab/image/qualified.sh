# Run by mmdebstrap with the new root as $1: short image names are refused.
set -eu
root=$1

install -d "$root/etc/containers/registries.conf.d"
cat > "$root/etc/containers/registries.conf.d/10-qualified-names.conf" <<'END'
unqualified-search-registries = []
short-name-mode = "enforcing"
END
# Debian's list of short names would still answer for the best known ones
rm -f "$root/etc/containers/registries.conf.d/shortnames.conf"
