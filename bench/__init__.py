"""What the figures in bench/README.md are made with."""
