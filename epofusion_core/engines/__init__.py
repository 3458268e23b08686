"""Engines that run the network: PyTorch, ONNX Runtime and OpenVINO, behind one protocol and with the same picture.

Only `torch_engine`, `folding` and `export` import PyTorch, so that a vehicle installs one engine and nothing else.
"""
