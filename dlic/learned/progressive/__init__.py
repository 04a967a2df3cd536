"""Progressive pictures: an ordinary picture of a lower level, and a second layer that refines its latents part by part."""
