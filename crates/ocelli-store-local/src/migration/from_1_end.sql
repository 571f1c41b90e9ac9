-- The tables of format 1, those first that refer to others.

DROP TABLE prediction_tags_1;
DROP TABLE predictions_1;
DROP TABLE export_files_1;
DROP TABLE exports_1;
DROP TABLE looked_at_1;
DROP TABLE left_out_1;
DROP TABLE evaluated_1;
DROP TABLE trained_1;
DROP TABLE iterations_1;
DROP TABLE calibration_images_1;
DROP TABLE calibrations_1;
DROP TABLE removed_features_1;
DROP TABLE features_1;
DROP TABLE feature_keys_1;
DROP TABLE regions_1;
DROP TABLE image_tags_1;
DROP TABLE images_1;
DROP TABLE tags_1;
DROP TABLE projects_1;
DROP TABLE arrivals_1;
DROP TABLE removals_1;
DROP TABLE erasures_1;
DROP TABLE unscrubbed_1;
