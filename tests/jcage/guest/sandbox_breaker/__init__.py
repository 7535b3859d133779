"""The sandboxed package of the escapes."""
