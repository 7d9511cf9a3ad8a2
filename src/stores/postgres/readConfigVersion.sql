-- What every process looks at twice a second: version, that of the last change of a setting, 0 before the first; and flush_asked_at_ms, when
-- all producers were last asked to bring what they have, NULL where nobody ever asked.
SELECT coalesce(max(version), 0) AS version,
       (SELECT floor(extract(epoch FROM max(flush_asked_at)) * 1000)::bigint FROM {schema}.ledger) AS flush_asked_at_ms
FROM {schema}.config_version
