"""Symbols ⇄ bytes: integer tables, parts, coders."""
