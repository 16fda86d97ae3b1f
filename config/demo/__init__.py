"""The demo tenant: a simulator whose causes have effects, loaded through the product's own doors."""
