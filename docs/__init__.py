"""The pages of the documentation, and in ``docs.site`` what makes a site of them."""
