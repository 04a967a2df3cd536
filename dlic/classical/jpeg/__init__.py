"""JPEG by DCT and Huffman codes (ITU-T T.81), stage by stage."""
