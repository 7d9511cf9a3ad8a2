-- Makes the row of the collection of storage where there is none. Returns nothing.
INSERT INTO {schema}.storage_collection (singleton) VALUES (1) ON CONFLICT (singleton) DO NOTHING
