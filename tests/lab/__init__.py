"""Throw-away machines with real GRUB, a real kernel and an emulated IOMMU (see README.md)."""
