"""Sequences: frames ⇄ .dlic files of kind sequence."""
