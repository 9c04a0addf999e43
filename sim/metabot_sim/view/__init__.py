"""The browser view of one simulation: a page with a scene, a driver to choose, and sliders for what is hidden.

`Session` plays episodes and knows no page; `Panel` and `Stage` are the page (viser, mjviser);
`Player` is the one place where wishes from the page meet the simulation. The two libraries come
with the extra ``view`` and are imported when a page is served.
"""

from metabot_sim.view.serve import DEFAULT_PORT, MissingExtra, View

__all__ = ["DEFAULT_PORT", "MissingExtra", "View"]
