"""What the README's figures come from; each prints what it compares, how, and a ratio measured in one run."""
