"""Many files at once: folders, processes, clusters."""
