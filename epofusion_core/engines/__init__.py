"""What runs the network: PyTorch, ONNX Runtime or OpenVINO, behind one protocol and with the same picture.

Only `torch_engine` and `export` import PyTorch, so that a vehicle installs one engine and nothing else.
"""
