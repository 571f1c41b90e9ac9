-- What the tables of format 1 held, into today's. What photos have in bytes and their commitments come later,
-- when the photos have been read; the results of kept predictions are written by the program.

INSERT INTO projects (id, name, description, settings, created, last_modified, deleted, content_key, retention, erased)
SELECT id, name, description, settings, created, last_modified, deleted, content_key, '', erased FROM projects_1;

INSERT INTO tags (position, project, id, name, description, type)
SELECT position, project, id, name, description, type FROM tags_1 ORDER BY position;

INSERT INTO images (project, id, content, created, width, height, metadata, origin)
SELECT project, id, content, created, width, height, metadata, origin FROM images_1 ORDER BY rowid;

INSERT INTO image_tags (position, project, image, tag, created)
SELECT position, project, image, tag, created FROM image_tags_1 ORDER BY position;

INSERT INTO regions (position, project, id, image, tag, created, "left", top, width, height)
SELECT position, project, id, image, tag, created, "left", top, width, height FROM regions_1 ORDER BY position;

INSERT INTO feature_keys (key, base, calibration) SELECT key, base, calibration FROM feature_keys_1;

-- When features were computed was not known; it was after the photo came.
INSERT INTO features (project, image, feature_key, "values", created)
SELECT f.project, f.image, f.feature_key, f."values", i.created
FROM features_1 AS f JOIN images_1 AS i ON i.project = f.project AND i.id = f.image ORDER BY f.rowid;

INSERT INTO removed_features (project, feature_key) SELECT project, feature_key FROM removed_features_1;

INSERT INTO calibrations (project, base, fingerprint, training_photos, data)
SELECT project, base, fingerprint, training_photos, data FROM calibrations_1;

INSERT INTO calibration_images (position, project, base, image)
SELECT position, project, base, image FROM calibration_images_1 ORDER BY position;

INSERT INTO iterations (position, project, id, name, status, created, last_modified, domain, classification_type,
                        training_type, publish_name, publish_precision)
SELECT position, project, id, name, status, created, last_modified, domain, classification_type, training_type,
       publish_name, publish_precision FROM iterations_1 ORDER BY position;

INSERT INTO trained (iteration, manifest, erased, model) SELECT iteration, manifest, erased, model FROM trained_1;

INSERT INTO evaluated (position, iteration, image, fold, tags, probabilities)
SELECT position, iteration, image, fold, tags, probabilities FROM evaluated_1 ORDER BY position;

INSERT INTO left_out (position, iteration, image, reason)
SELECT position, iteration, image, reason FROM left_out_1 ORDER BY position;

INSERT INTO looked_at (position, iteration, image)
SELECT position, iteration, image FROM looked_at_1 ORDER BY position;

INSERT INTO exports (position, project, id, iteration, platform, flavor, created)
SELECT position, project, id, iteration, platform, flavor, created FROM exports_1 ORDER BY position;

INSERT INTO export_files (position, project, export, name, size, content)
SELECT position, project, export, name, size, content FROM export_files_1 ORDER BY position;

-- They expired thirty days after they were made, all of them: the default policy says the same.
INSERT INTO predictions (rowid, project, id, iteration, created, publish_name, application, width, height, metadata,
                         photo_kept, content, results_kept, results)
SELECT rowid, project, id, iteration, created, publish_name, application, width, height, '{}', 1, content, 1, '[]'
FROM predictions_1 ORDER BY rowid;

INSERT INTO arrivals (handle, change, project, content) SELECT handle, change, project, content FROM arrivals_1;

INSERT INTO removals (project, content) SELECT project, content FROM removals_1;

INSERT INTO erasures (position, at, project, kind, id, reason)
SELECT position, at, project, kind, id, 'requested' FROM erasures_1 ORDER BY position;
