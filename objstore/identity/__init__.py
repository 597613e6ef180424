"""Who may do what: accounts, principals, policies and their evaluation; pure, without waiting."""
