-- The version of the last change; 0 before the first.
SELECT coalesce(max(version), 0) AS version FROM {schema}.config_version
