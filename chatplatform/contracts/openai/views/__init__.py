"""The contract's endpoints, a file for each chapter of its document."""
