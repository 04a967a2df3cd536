"""Video encoders of others, by PyAV and by a program ffmpeg."""
