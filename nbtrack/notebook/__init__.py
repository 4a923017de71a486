"""What only IPython needs."""
