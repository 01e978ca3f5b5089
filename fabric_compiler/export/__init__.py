"""What a build leaves for the tools that engineers have."""
