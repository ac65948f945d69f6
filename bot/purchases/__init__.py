"""Credits that are bought by policy, and the provider that sells them."""
