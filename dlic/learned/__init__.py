"""The learned codec: pixels ⇄ latents ⇄ symbols ⇄ file."""
