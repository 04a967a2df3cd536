"""CompressAI's models as codecs."""
