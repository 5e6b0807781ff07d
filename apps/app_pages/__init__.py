"""The pages of the app, which Streamlit runs: ``main`` has the navigation, every other file is a page."""
