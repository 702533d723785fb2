"""A new plugin from a template: what `csai plugins new` writes."""
