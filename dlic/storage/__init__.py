"""Files written atomically, locks, caches, downloads, archives."""
