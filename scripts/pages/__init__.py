"""Pages of the documentation that are made from code and measurements: python -m scripts.pages [--check]."""
