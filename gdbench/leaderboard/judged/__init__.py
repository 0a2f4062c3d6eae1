"""What judging hands to the pages: plain frozen values."""
