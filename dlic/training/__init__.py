"""Training with Lightning: module, loss, runs, export."""
