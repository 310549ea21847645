"""What audio is, by its bytes: container, codec, length, and whether there is sound. One module for each family.

Only headers and indexes are read, within the limits of `content.Bytes`; nothing is decoded.
"""
