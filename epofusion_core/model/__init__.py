"""The EPOFusion network, one file per part of the paper's Fig. 2. Knows nothing of data, training or evaluation."""
