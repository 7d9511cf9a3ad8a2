-- A fresh UUIDv7 (RFC 9562) by the database's clock: a random UUID with the time in its first 48 bits and 7 as its version.
SELECT overlay(
  overlay(gen_random_uuid()::text PLACING '7' FROM 15)
  PLACING substr(clock.hex, 1, 8) || '-' || substr(clock.hex, 9, 4) FROM 1
)::uuid::text AS id
FROM (SELECT lpad(to_hex(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') AS hex) AS clock
