-- Format 0. Lists that have an order are kept by position; positions are never shown.

CREATE TABLE projects (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    description   TEXT NOT NULL,
    settings      TEXT NOT NULL,
    created       INTEGER NOT NULL,
    last_modified INTEGER NOT NULL,
    deleted       INTEGER,
    content_key   BLOB NOT NULL
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

CREATE TABLE calibrations (
    project         TEXT NOT NULL REFERENCES projects (id),
    base            TEXT NOT NULL,
    fingerprint     TEXT NOT NULL,
    photos          INTEGER NOT NULL,
    training_photos INTEGER NOT NULL,
    data            BLOB NOT NULL,
    PRIMARY KEY (project, base)
) STRICT;

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

CREATE TABLE trained (
    project   TEXT NOT NULL,
    iteration TEXT NOT NULL,
    manifest  TEXT NOT NULL,
    model     BLOB NOT NULL,
    PRIMARY KEY (project, iteration),
    FOREIGN KEY (project, iteration) REFERENCES iterations (project, id) ON DELETE CASCADE
) STRICT;

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

-- Bytes that lost a record, until it is made sure that their files go when nothing else refers to them.
CREATE TABLE removals (
    project TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (project, content)
) STRICT;
