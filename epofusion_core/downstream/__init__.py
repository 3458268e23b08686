"""What a fused image is for: detectors and segmentation networks judge it (paper IV-D and VI-A).

A judge is frozen, or trained equally long on each method's images. No judge is ever trained against.
"""
