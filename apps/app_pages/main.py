"""The app's main script, which Streamlit runs at each touch: the navigation, and then the page that was chosen."""

from __future__ import annotations

import streamlit as st

# a picture of our own: browsers would fetch Streamlit's names of icons, and emoji, from elsewhere
ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 28 28"><path fill="#4c78a8" d="M9 3 2 7l3 6 3-2v14h12V11l3 2
3-6-7-4c-1 3-9 3-10 0Z"/></svg>"""

st.set_page_config(page_title="tinygrad_fm", page_icon=ICON, layout="wide")
st.navigation(
    [
        st.Page("predict.py", title="Predict", icon=":material/photo_camera:", default=True),
        st.Page("runs.py", title="Runs", icon=":material/show_chart:"),
        st.Page("graph.py", title="Graph", icon=":material/account_tree:"),
    ],
    position="top",
).run()
