"""Who answers beside the platform, for comparison. `bench.stage.beside` starts them on the platform's data."""
