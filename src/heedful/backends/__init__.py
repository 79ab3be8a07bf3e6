"""What answers a prompt: a model in this process, or answers from a file."""
