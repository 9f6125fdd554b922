"""How people reach the service: HTTP and the command line."""
