"""Writes the dashboards' files."""

from deploy.dashboards.render import FOLDER, rendered

FOLDER.mkdir(parents=True, exist_ok=True)
for name, text in rendered().items():
    (FOLDER / name).write_text(text)
    print(FOLDER / name)
