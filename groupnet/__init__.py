"""The public face of the project: command line, bundle format, one module per verb."""
