"""What a reviewer looks at: goldens and what differs from them."""
