"""The page that runs programs in the browser."""
