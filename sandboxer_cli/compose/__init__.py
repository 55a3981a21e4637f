"""The compose file, read and rebuilt: what leaves this room holds nothing to be interpreted."""
