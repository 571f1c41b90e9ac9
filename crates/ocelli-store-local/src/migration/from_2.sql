-- From format 2 to 3: trainings that can go on where they were killed.

CREATE TABLE checkpoints (
    project      TEXT PRIMARY KEY,
    iteration    TEXT NOT NULL,
    content      BLOB NOT NULL,
    bytes        INTEGER NOT NULL,
    oldest_photo INTEGER,
    FOREIGN KEY (project, iteration) REFERENCES iterations (project, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX checkpoints_by_iteration ON checkpoints (project, iteration);
