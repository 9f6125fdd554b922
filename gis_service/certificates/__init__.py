"""The certificate with which the service shows browsers that it is who they asked for."""
