"""Running trained networks on arrays."""
