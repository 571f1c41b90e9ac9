-- From format 2 to 3: trainings that can go on where they were killed, what they were given and began from, and the photos
-- that they were tested on.

ALTER TABLE iterations ADD COLUMN reserved_budget INTEGER NOT NULL DEFAULT 0;
ALTER TABLE iterations ADD COLUMN base_project TEXT;
ALTER TABLE iterations ADD COLUMN base_iteration TEXT;
ALTER TABLE trained ADD COLUMN test_erased INTEGER NOT NULL DEFAULT 0;
ALTER TABLE evaluated ADD COLUMN test INTEGER NOT NULL DEFAULT 0;

CREATE TABLE checkpoints (
    project      TEXT PRIMARY KEY,
    iteration    TEXT NOT NULL,
    content      BLOB NOT NULL,
    bytes        INTEGER NOT NULL,
    oldest_photo INTEGER,
    FOREIGN KEY (project, iteration) REFERENCES iterations (project, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX checkpoints_by_iteration ON checkpoints (project, iteration);
