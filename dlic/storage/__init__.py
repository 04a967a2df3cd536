"""Files that are whole or absent, locks, caches, downloads, archives."""
