"""The programs that measure the figures in bench/README.md."""
