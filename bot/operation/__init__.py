"""What keeps the service going: ticks, leases, clocks, nightly work, the check-up."""
