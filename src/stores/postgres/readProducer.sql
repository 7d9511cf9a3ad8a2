-- Where a producer stands. $1 producer.
SELECT last_record FROM {schema}.usage_producer WHERE id = $1::uuid
