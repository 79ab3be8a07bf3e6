"""Models by name: parsing names, converting packaged weights, loading, adapters and export."""
