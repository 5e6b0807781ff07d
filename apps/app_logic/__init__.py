"""What the pages of the app do, without Streamlit: read, predict, explain, start and stop."""
