"""What is printed: tables, maps and pictures. Nothing here reads a cluster."""
