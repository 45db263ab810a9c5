-- How much I/O went down each path in each interval of time?
--
-- :path         the path's stream, 'path/<wwid>/<H:C:I:L>'; NULL for every path
-- :from_us      wall clock of the first sample that counts, microseconds; NULL for the first there is
-- :to_us        wall clock of the last sample that counts, microseconds; NULL for the last there is
-- :interval_us  length of an interval, microseconds; NULL for an hour
-- :from_position  first position to look at, and
-- :to_position    the last one; NULL where nothing is known of where those times are
--
-- Intervals begin at multiples of their length since the epoch, by the wall clock. A sample counts, whole, in the interval in
-- which it was recorded. An interval without a sample has no row.
SELECT
  stream AS path,
  recorded_at_us - recorded_at_us % coalesce(:interval_us, 3600000000) AS from_us,
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
GROUP BY stream, 2
ORDER BY 2, stream
