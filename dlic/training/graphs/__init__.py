"""Networks as ONNX graphs, whose weights stay in weights.safetensors; `dlic export` writes them for `runtime.onnx`."""
