"""Clips and animations ⇄ frames with exact times, one frame in memory at a time."""
