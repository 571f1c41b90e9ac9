-- Format 3. Lists that have an order are kept by position; positions are never shown.
-- Columns of type ANY hold what people wrote and what was made of their photos: TEXT or BLOB, and sealed BLOB in an encrypted
-- project. So nothing is compared or sorted by them here.

-- The one row that says whose directory this is.
CREATE TABLE account (
    row       INTEGER PRIMARY KEY CHECK (row = 1),
    id        TEXT NOT NULL,
    closed    INTEGER,
    -- Its retention policy, and what had become due before it applied.
    retention TEXT NOT NULL
) STRICT;

CREATE TABLE projects (
    id            TEXT PRIMARY KEY,
    name          ANY NOT NULL,
    description   ANY NOT NULL,
    settings      ANY NOT NULL,
    created       INTEGER NOT NULL,
    last_modified INTEGER NOT NULL,
    deleted       INTEGER,
    content_key   ANY NOT NULL,
    -- Its retention policy, and what had become due before it applied.
    retention     TEXT NOT NULL,
    -- Whether it has been erased: then it is nowhere to be seen, and what it owned goes in small steps.
    erased        INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Keys, as the key provider wrapped them: of each encrypted project, and of "account" for what belongs to no project. Going
-- first, they take all that is sealed with them along: a destroyed one is empty until what the project owned has gone.
CREATE TABLE project_keys (
    project TEXT PRIMARY KEY,
    wrapped BLOB NOT NULL
) STRICT;

CREATE TABLE tags (
    position    INTEGER PRIMARY KEY,
    project     TEXT NOT NULL REFERENCES projects (id),
    id          TEXT NOT NULL,
    name        ANY NOT NULL,
    description ANY NOT NULL,
    type        TEXT NOT NULL,
    UNIQUE (project, id)
) STRICT;

-- Tags that have been erased and may still be in the results of kept predictions, which are rewritten in small steps.
CREATE TABLE removed_tags (
    project TEXT NOT NULL REFERENCES projects (id),
    tag     TEXT NOT NULL,
    -- The last kept prediction, by id, that has been rewritten.
    behind  TEXT NOT NULL,
    PRIMARY KEY (project, tag)
) STRICT;

CREATE TABLE images (
    project    TEXT NOT NULL REFERENCES projects (id),
    id         TEXT NOT NULL,
    content    BLOB NOT NULL,
    created    INTEGER NOT NULL,
    width      INTEGER NOT NULL,
    height     INTEGER NOT NULL,
    metadata   ANY NOT NULL,
    origin     ANY NOT NULL,
    -- How many the photo has; none where it was stored before format 2 and has not been read since.
    bytes      INTEGER,
    salt       ANY,
    commitment BLOB,
    PRIMARY KEY (project, id)
) STRICT;

-- With the bytes, so that a plan reads nothing else.
CREATE INDEX images_by_time ON images (project, created, id, bytes);
-- Not unique: a photo that is due and held stays beside a new one of the same bytes.
CREATE INDEX images_by_content ON images (project, content);
CREATE INDEX images_to_measure ON images (project, id) WHERE bytes IS NULL;

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
    "values"    ANY NOT NULL,
    created     INTEGER NOT NULL,
    PRIMARY KEY (project, image, feature_key),
    FOREIGN KEY (project, image) REFERENCES images (project, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX features_by_key ON features (feature_key, project);
CREATE INDEX features_by_time ON features (project, created, image);

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
    data            ANY NOT NULL,
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
    name                ANY NOT NULL,
    status              ANY NOT NULL,
    created             INTEGER NOT NULL,
    last_modified       INTEGER NOT NULL,
    domain              TEXT NOT NULL,
    classification_type TEXT NOT NULL,
    training_type       TEXT NOT NULL,
    publish_name        ANY,
    publish_precision   TEXT,
    -- In milliseconds.
    reserved_budget     INTEGER NOT NULL DEFAULT 0,
    -- The iteration that it started from, of this project or another, which may be gone.
    base_project        TEXT,
    base_iteration      TEXT,
    UNIQUE (project, id)
) STRICT;

CREATE INDEX iterations_by_time ON iterations (project, created, id);

-- The manifest lacks its photos, which have rows of their own, so that one can go without the others being written.
CREATE TABLE trained (
    iteration INTEGER PRIMARY KEY REFERENCES iterations (position) ON DELETE CASCADE,
    manifest  ANY NOT NULL,
    -- Photos that it was trained on and that have been erased since.
    erased    INTEGER NOT NULL,
    model     ANY NOT NULL,
    -- Photos that it was tested on and that have been erased since.
    test_erased INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Probabilities are little-endian 32-bit floats, tags are indices into the manifest's, as little-endian 16-bit integers.
CREATE TABLE evaluated (
    position      INTEGER PRIMARY KEY,
    iteration     INTEGER NOT NULL REFERENCES trained (iteration) ON DELETE CASCADE,
    image         TEXT NOT NULL,
    fold          INTEGER NOT NULL,
    tags          ANY NOT NULL,
    probabilities ANY NOT NULL,
    -- Whether it was tested on this photo, and not trained.
    test          INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX evaluated_by_iteration ON evaluated (iteration);
CREATE INDEX evaluated_by_image ON evaluated (image, iteration);

CREATE TABLE left_out (
    position  INTEGER PRIMARY KEY,
    iteration INTEGER NOT NULL REFERENCES trained (iteration) ON DELETE CASCADE,
    image     TEXT NOT NULL,
    reason    ANY NOT NULL
) STRICT;

CREATE INDEX left_out_by_iteration ON left_out (iteration);
CREATE INDEX left_out_by_image ON left_out (image, iteration);

-- Photos that the model may know beside those that it was trained on: its calibration looked at them, or an iteration which
-- its layers come from was trained on them.
CREATE TABLE looked_at (
    position  INTEGER PRIMARY KEY,
    iteration INTEGER NOT NULL REFERENCES trained (iteration) ON DELETE CASCADE,
    image     TEXT NOT NULL
) STRICT;

CREATE INDEX looked_at_by_iteration ON looked_at (iteration);
CREATE INDEX looked_at_by_image ON looked_at (image, iteration);

-- How far a training has come: one row a project at most. Its bytes lie beside the photos, so that they never go through the
-- log; it goes unseen with the oldest photo that it may have learned from.
CREATE TABLE checkpoints (
    project      TEXT PRIMARY KEY,
    iteration    TEXT NOT NULL,
    content      BLOB NOT NULL,
    bytes        INTEGER NOT NULL,
    oldest_photo INTEGER,
    FOREIGN KEY (project, iteration) REFERENCES iterations (project, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX checkpoints_by_iteration ON checkpoints (project, iteration);

CREATE TABLE exports (
    position  INTEGER PRIMARY KEY,
    project   TEXT NOT NULL,
    id        TEXT NOT NULL,
    iteration TEXT NOT NULL,
    platform  TEXT NOT NULL,
    flavor    ANY,
    created   INTEGER NOT NULL,
    UNIQUE (project, id),
    FOREIGN KEY (project, iteration) REFERENCES iterations (project, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX exports_by_iteration ON exports (project, iteration);
CREATE INDEX exports_by_time ON exports (project, created, id);

CREATE TABLE export_files (
    position INTEGER PRIMARY KEY,
    project  TEXT NOT NULL,
    export   TEXT NOT NULL,
    name     ANY NOT NULL,
    size     INTEGER NOT NULL,
    content  BLOB NOT NULL,
    FOREIGN KEY (project, export) REFERENCES exports (project, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX export_files_by_export ON export_files (project, export);
CREATE INDEX export_files_by_content ON export_files (project, content);

-- The iteration and the tags may have been deleted since. The photo and the results go one before the other where their
-- rules say so, and the row with the last of them.
CREATE TABLE predictions (
    project      TEXT NOT NULL REFERENCES projects (id),
    id           TEXT NOT NULL,
    iteration    TEXT NOT NULL,
    created      INTEGER NOT NULL,
    publish_name ANY,
    application  ANY,
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    metadata     ANY NOT NULL,
    photo_kept   INTEGER NOT NULL,
    content      BLOB,
    bytes        INTEGER,
    salt         ANY,
    commitment   BLOB,
    results_kept INTEGER NOT NULL,
    -- All of them in one, the most probable first, so that a row is all that goes with a prediction.
    results      ANY,
    PRIMARY KEY (project, id)
) STRICT;

-- One for each class of data, so that what of the other is gone is not passed over.
CREATE INDEX prediction_photos_by_time ON predictions (project, created, id, bytes) WHERE photo_kept = 1;
CREATE INDEX prediction_results_by_time ON predictions (project, created, id) WHERE results_kept = 1;
CREATE INDEX predictions_by_content ON predictions (project, content) WHERE photo_kept = 1;
CREATE INDEX predictions_to_measure ON predictions (project, id) WHERE photo_kept = 1 AND bytes IS NULL;

-- What must not go, whatever falls due and whoever asks.
CREATE TABLE holds (
    position INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    kind     TEXT NOT NULL,
    -- None where an expression holds in all projects.
    project  TEXT,
    -- The photo or the kept prediction.
    item     TEXT,
    -- The expression.
    filter   ANY,
    reason   ANY NOT NULL,
    placed   INTEGER NOT NULL
) STRICT;

-- Bytes that a change of a handle is putting in their places; the handle's name is its staging folder's.
CREATE TABLE arrivals (
    handle  TEXT NOT NULL,
    change  INTEGER NOT NULL,
    project TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (handle, change, project, content)
) STRICT;

CREATE INDEX arrivals_by_content ON arrivals (project, content);

-- Bytes that lost a record, until it is made sure that their files go when nothing else refers to them; some more than once.
-- Numbers are not given again: whoever works notes off forgets them by their numbers.
CREATE TABLE removals (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    content BLOB NOT NULL
) STRICT;

-- What was erased, for copies that are older and for receipts. Ids, moments and commitments only.
CREATE TABLE erasures (
    position   INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    project    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    id         TEXT NOT NULL,
    -- None where it was erased before format 2.
    operation  INTEGER,
    -- A class of data that it was due as, or that it was requested.
    reason     TEXT NOT NULL,
    commitment BLOB,
    -- Whether it went with its project: a copy that erases that again needs not be told of this.
    along      INTEGER NOT NULL DEFAULT 0,
    UNIQUE (id, kind, project, at)
) STRICT;

CREATE INDEX erasures_by_time ON erasures (at);
CREATE INDEX erasures_by_operation ON erasures (operation);

-- All that one request or one plan erased, from its beginning until nothing of it is left.
CREATE TABLE operations (
    number    INTEGER PRIMARY KEY,
    begun     INTEGER NOT NULL,
    plan      BLOB,
    -- How many things it erased.
    count     INTEGER NOT NULL,
    completed INTEGER
) STRICT;

-- Few are not complete, however many there have been.
CREATE INDEX operations_incomplete ON operations (number) WHERE completed IS NULL;

CREATE TABLE receipts (
    operation INTEGER PRIMARY KEY REFERENCES operations (number),
    receipt   TEXT NOT NULL
) STRICT;

-- What happened, in ids and commitments. Each entry's hash is of the one before it and of the entry.
CREATE TABLE audit (
    seq   INTEGER PRIMARY KEY,
    at    INTEGER NOT NULL,
    entry TEXT NOT NULL,
    hash  BLOB NOT NULL
) STRICT;

-- What replaces the entries at the beginning that have expired: one row at most.
CREATE TABLE audit_checkpoint (
    row        INTEGER PRIMARY KEY CHECK (row = 1),
    -- The last of them, and its hash.
    seq        INTEGER NOT NULL,
    hash       BLOB NOT NULL,
    checkpoint TEXT NOT NULL
) STRICT;

-- Pages of this file that were changed and whose unused parts may still hold what was there before.
CREATE TABLE unscrubbed (
    page INTEGER PRIMARY KEY
) STRICT;
