"""Allowed: one segment below the allowed package."""
