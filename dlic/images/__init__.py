"""Image files ⇄ arrays with their metadata."""
