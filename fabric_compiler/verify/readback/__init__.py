"""Independent readers: from the files of one device to what its operating system would understand of them."""
