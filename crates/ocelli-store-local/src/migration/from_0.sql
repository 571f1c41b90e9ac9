-- From format 0 to 1; what moves between tables is moved by the program.

ALTER TABLE projects ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;

-- Calibrations did not say which photos they looked at; the next training makes new ones, and their features.

DELETE FROM calibrations;
DELETE FROM features WHERE feature_key IN (SELECT key FROM feature_keys WHERE calibration <> '');
DELETE FROM feature_keys WHERE calibration <> '';

CREATE INDEX features_by_key ON features (feature_key, project);

-- Features that have been taken out of sight, and whose rows go in small steps.
CREATE TABLE removed_features (
    project     TEXT NOT NULL,
    feature_key INTEGER NOT NULL REFERENCES feature_keys (key),
    PRIMARY KEY (project, feature_key)
) STRICT;

CREATE INDEX removed_features_by_key ON removed_features (feature_key);

ALTER TABLE calibrations DROP COLUMN photos;

CREATE TABLE calibration_images (
    position INTEGER PRIMARY KEY,
    project  TEXT NOT NULL,
    base     TEXT NOT NULL,
    image    TEXT NOT NULL,
    FOREIGN KEY (project, base) REFERENCES calibrations (project, base) ON DELETE CASCADE
) STRICT;

CREATE INDEX calibration_images_by_base ON calibration_images (project, base);

CREATE INDEX calibration_images_by_image ON calibration_images (project, image);

ALTER TABLE trained RENAME TO trained_0;

CREATE TABLE trained (
    iteration INTEGER PRIMARY KEY REFERENCES iterations (position) ON DELETE CASCADE,
    manifest  TEXT NOT NULL,
    -- Photos that it was trained on and that have been erased since.
    erased    INTEGER NOT NULL,
    model     BLOB NOT NULL
) STRICT;

CREATE TABLE evaluated (
    position      INTEGER PRIMARY KEY,
    iteration     INTEGER NOT NULL REFERENCES trained (iteration) ON DELETE CASCADE,
    image         TEXT NOT NULL,
    fold          INTEGER NOT NULL,
    tags          BLOB NOT NULL,
    probabilities BLOB NOT NULL
) STRICT;

CREATE INDEX evaluated_by_iteration ON evaluated (iteration);

CREATE INDEX evaluated_by_image ON evaluated (image, iteration);

CREATE TABLE left_out (
    position  INTEGER PRIMARY KEY,
    iteration INTEGER NOT NULL REFERENCES trained (iteration) ON DELETE CASCADE,
    image     TEXT NOT NULL,
    reason    TEXT NOT NULL
) STRICT;

CREATE INDEX left_out_by_iteration ON left_out (iteration);

CREATE INDEX left_out_by_image ON left_out (image, iteration);

-- Which photos calibrations had looked at was not known.

CREATE TABLE looked_at (
    position  INTEGER PRIMARY KEY,
    iteration INTEGER NOT NULL REFERENCES trained (iteration) ON DELETE CASCADE,
    image     TEXT NOT NULL
) STRICT;

CREATE INDEX looked_at_by_iteration ON looked_at (iteration);

CREATE INDEX looked_at_by_image ON looked_at (image, iteration);

CREATE TABLE exports (
    position  INTEGER PRIMARY KEY,
    project   TEXT NOT NULL,
    id        TEXT NOT NULL,
    iteration TEXT NOT NULL,
    platform  TEXT NOT NULL,
    flavor    TEXT,
    created   INTEGER NOT NULL,
    UNIQUE (project, id),
    FOREIGN KEY (project, iteration) REFERENCES iterations (project, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX exports_by_iteration ON exports (project, iteration);

CREATE TABLE export_files (
    position INTEGER PRIMARY KEY,
    project  TEXT NOT NULL,
    export   TEXT NOT NULL,
    name     TEXT NOT NULL,
    size     INTEGER NOT NULL,
    content  BLOB NOT NULL,
    UNIQUE (project, export, name),
    FOREIGN KEY (project, export) REFERENCES exports (project, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX export_files_by_content ON export_files (project, content);

CREATE INDEX prediction_tags_by_tag ON prediction_tags (project, tag);

CREATE TABLE arrivals (
    handle  TEXT NOT NULL,
    change  INTEGER NOT NULL,
    project TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (handle, change, project, content)
) STRICT;

CREATE INDEX arrivals_by_content ON arrivals (project, content);

CREATE TABLE erasures (
    position INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    project  TEXT NOT NULL,
    kind     TEXT NOT NULL,
    id       TEXT NOT NULL,
    UNIQUE (id, kind, project, at)
) STRICT;

CREATE INDEX erasures_by_time ON erasures (at);

CREATE TABLE unscrubbed (
    page INTEGER PRIMARY KEY
) STRICT;
