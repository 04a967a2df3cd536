"""`import dlic.pillow` lets Pillow open and save .dlic files (`dlic.integrations.pillow`)."""

from dlic.integrations.pillow import register as register
