"""What the online model learns from: features, delayed labels, and the model itself."""
