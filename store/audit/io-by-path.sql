-- How much I/O went down each path?
--
-- :path     the path's stream, 'path/<wwid>/<H:C:I:L>'; NULL for every path
-- :from_us  wall clock of the first sample that counts, microseconds; NULL for the first there is
-- :to_us    wall clock of the last sample that counts, microseconds; NULL for the last there is
-- :from_position  first position to look at, and
-- :to_position    the last one: 1 and 9223372036854775807 where nothing is known of where those times are
--
-- Every path.ioSampled holds what was done since the sample before it, so that sums are totals. A sample counts by the time
-- at which it was recorded: at the borders of the interval that is exact to one sample.
SELECT
  stream AS path,
  count(*) AS samples,
  sum(data ->> '$.reads') AS reads,
  sum(data ->> '$.writes') AS writes,
  sum(data ->> '$.flushes') AS flushes,
  sum(data ->> '$.readBytes') AS read_bytes,
  sum(data ->> '$.writeBytes') AS write_bytes,
  sum(data ->> '$.errors') AS errors,
  sum(data ->> '$.resent') AS resent
FROM events
WHERE position BETWEEN coalesce(:from_position, 1) AND coalesce(:to_position, 9007199254740991)
  AND type = 'path.ioSampled'
  AND (:path IS NULL OR stream = :path)
  AND (:from_us IS NULL OR recorded_at_us >= :from_us)
  AND (:to_us IS NULL OR recorded_at_us <= :to_us)
GROUP BY stream
ORDER BY stream
