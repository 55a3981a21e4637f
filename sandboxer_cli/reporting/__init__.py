"""What comes out of a validation: its result, its reports, its events and their way to a hub."""
