-- Format 1. Lists that have an order are kept by position; positions are never shown.

CREATE TABLE projects (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    description   TEXT NOT NULL,
    settings      TEXT NOT NULL,
    created       INTEGER NOT NULL,
    last_modified INTEGER NOT NULL,
    deleted       INTEGER,
    content_key   BLOB NOT NULL,
    -- Whether it has been erased: then it is nowhere to be seen, and what it owned goes in small steps.
    erased        INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE tags (
    position    INTEGER PRIMARY KEY,
    project     TEXT NOT NULL REFERENCES projects (id),
    id          TEXT NOT NULL,
    name        TEXT NOT NULL,
    description TEXT NOT NULL,
    type        TEXT NOT NULL,
    UNIQUE (project, id),
    UNIQUE (project, name)
) STRICT;

CREATE TABLE images (
    project  TEXT NOT NULL REFERENCES projects (id),
    id       TEXT NOT NULL,
    content  BLOB NOT NULL,
    created  INTEGER NOT NULL,
    width    INTEGER NOT NULL,
    height   INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    origin   TEXT NOT NULL,
    PRIMARY KEY (project, id),
    UNIQUE (project, content)
) STRICT;

CREATE INDEX images_by_time ON images (project, created, id);

CREATE TABLE image_tags (
    position INTEGER PRIMARY KEY,
    project  TEXT NOT NULL,
    image    TEXT NOT NULL,
    tag      TEXT NOT NULL,
    created  INTEGER NOT NULL,
    UNIQUE (project, image, tag),
    FOREIGN KEY (project, image) REFERENCES images (project, id) ON DELETE CASCADE,
    FOREIGN KEY (project, tag) REFERENCES tags (project, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX image_tags_by_tag ON image_tags (project, tag, image);

CREATE TABLE regions (
    position INTEGER PRIMARY KEY,
    project  TEXT NOT NULL,
    id       TEXT NOT NULL,
    image    TEXT NOT NULL,
    tag      TEXT NOT NULL,
    created  INTEGER NOT NULL,
    "left"   REAL NOT NULL,
    top      REAL NOT NULL,
    width    REAL NOT NULL,
    height   REAL NOT NULL,
    UNIQUE (project, id),
    FOREIGN KEY (project, image) REFERENCES images (project, id) ON DELETE CASCADE,
    FOREIGN KEY (project, tag) REFERENCES tags (project, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX regions_by_image ON regions (project, image);
CREATE INDEX regions_by_tag ON regions (project, tag, image);

CREATE TABLE feature_keys (
    key         INTEGER PRIMARY KEY,
    base        TEXT NOT NULL,
    -- Empty in f32.
    calibration TEXT NOT NULL,
    UNIQUE (base, calibration)
) STRICT;

-- Values are little-endian 32-bit floats.
CREATE TABLE features (
    project     TEXT NOT NULL,
    image       TEXT NOT NULL,
    feature_key INTEGER NOT NULL REFERENCES feature_keys (key),
    "values"    BLOB NOT NULL,
    PRIMARY KEY (project, image, feature_key),
    FOREIGN KEY (project, image) REFERENCES images (project, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX features_by_key ON features (feature_key, project);

-- Features that have been taken out of sight, and whose rows go in small steps.
CREATE TABLE removed_features (
    project     TEXT NOT NULL,
    feature_key INTEGER NOT NULL REFERENCES feature_keys (key),
    PRIMARY KEY (project, feature_key)
) STRICT;

CREATE INDEX removed_features_by_key ON removed_features (feature_key);

CREATE TABLE calibrations (
    project         TEXT NOT NULL REFERENCES projects (id),
    base            TEXT NOT NULL,
    fingerprint     TEXT NOT NULL,
    training_photos INTEGER NOT NULL,
    data            BLOB NOT NULL,
    PRIMARY KEY (project, base)
) STRICT;

-- Photos that a calibration looked at.
CREATE TABLE calibration_images (
    position INTEGER PRIMARY KEY,
    project  TEXT NOT NULL,
    base     TEXT NOT NULL,
    image    TEXT NOT NULL,
    FOREIGN KEY (project, base) REFERENCES calibrations (project, base) ON DELETE CASCADE
) STRICT;

CREATE INDEX calibration_images_by_base ON calibration_images (project, base);
CREATE INDEX calibration_images_by_image ON calibration_images (project, image);

CREATE TABLE iterations (
    position            INTEGER PRIMARY KEY,
    project             TEXT NOT NULL REFERENCES projects (id),
    id                  TEXT NOT NULL,
    name                TEXT NOT NULL,
    status              TEXT NOT NULL,
    created             INTEGER NOT NULL,
    last_modified       INTEGER NOT NULL,
    domain              TEXT NOT NULL,
    classification_type TEXT NOT NULL,
    training_type       TEXT NOT NULL,
    publish_name        TEXT,
    publish_precision   TEXT,
    UNIQUE (project, id),
    UNIQUE (project, name),
    UNIQUE (project, publish_name)
) STRICT;

-- The manifest lacks its photos, which have rows of their own, so that one can go without the others being written.
CREATE TABLE trained (
    iteration INTEGER PRIMARY KEY REFERENCES iterations (position) ON DELETE CASCADE,
    manifest  TEXT NOT NULL,
    -- Photos that it was trained on and that have been erased since.
    erased    INTEGER NOT NULL,
    model     BLOB NOT NULL
) STRICT;

-- Probabilities are little-endian 32-bit floats, tags are indices into the manifest's, as little-endian 16-bit integers.
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

-- Photos that the calibration in the model looked at.
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

-- The iteration and the tags may have been deleted since.
CREATE TABLE predictions (
    project      TEXT NOT NULL REFERENCES projects (id),
    id           TEXT NOT NULL,
    iteration    TEXT NOT NULL,
    content      BLOB NOT NULL,
    created      INTEGER NOT NULL,
    expires      INTEGER NOT NULL,
    publish_name TEXT,
    application  TEXT,
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    PRIMARY KEY (project, id)
) STRICT;

CREATE INDEX predictions_by_time ON predictions (project, created, id);
CREATE INDEX predictions_by_content ON predictions (project, content);

CREATE TABLE prediction_tags (
    project      TEXT NOT NULL,
    prediction   TEXT NOT NULL,
    rank         INTEGER NOT NULL,
    tag          TEXT NOT NULL,
    name         TEXT NOT NULL,
    type         TEXT NOT NULL,
    probability  REAL NOT NULL,
    bounding_box TEXT,
    PRIMARY KEY (project, prediction, rank),
    FOREIGN KEY (project, prediction) REFERENCES predictions (project, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX prediction_tags_by_tag ON prediction_tags (project, tag);

-- Bytes that a change of a handle is putting in their places; the handle's name is its staging folder's.
CREATE TABLE arrivals (
    handle  TEXT NOT NULL,
    change  INTEGER NOT NULL,
    project TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (handle, change, project, content)
) STRICT;

CREATE INDEX arrivals_by_content ON arrivals (project, content);

-- Bytes that lost a record, until it is made sure that their files go when nothing else refers to them.
CREATE TABLE removals (
    project TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (project, content)
) STRICT;

-- What was erased, for copies that are older. Ids and moments only.
CREATE TABLE erasures (
    position INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    project  TEXT NOT NULL,
    kind     TEXT NOT NULL,
    id       TEXT NOT NULL,
    UNIQUE (id, kind, project, at)
) STRICT;

CREATE INDEX erasures_by_time ON erasures (at);

-- Pages of this file that were changed and whose unused parts may still hold what was there before.
CREATE TABLE unscrubbed (
    page INTEGER PRIMARY KEY
) STRICT;
