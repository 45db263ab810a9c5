-- Which path served this block, and what became of each I/O on it? Answered from traced I/O alone (docs/tracing.md).
--
-- :head           the head's stream, 'head/<wwid>'; NULL for every head
-- :offset         first byte of the range that is asked about; NULL for 0
-- :length         its length in bytes; NULL for all
-- :from_position  first position to look at; the next page begins behind the last row of this one
-- :to_position    last position to look at
-- :limit          at most so many rows
--
-- One row per traced I/O that touches the range, in the order of their ends. served_by is the path of the attempt that
-- succeeded, NULL where none did; attempts are all of them, each with path, incarnation, startedUs, tookUs, status and errno.
-- status is 'OK' or the code that the caller got.
SELECT
  position,
  recorded_at_us,
  stream AS head,
  data ->> '$.bio' AS bio,
  data ->> '$.op' AS op,
  data ->> '$.offset' AS offset,
  data ->> '$.length' AS length,
  data ->> '$.startedUs' AS started_us,
  data ->> '$.tookUs' AS took_us,
  data ->> '$.status' AS status,
  data ->> '$.errno' AS errno,
  (
    SELECT attempt.value ->> '$.path'
    FROM json_each(data, '$.attempts') AS attempt
    WHERE attempt.value ->> '$.status' = 'OK'
    ORDER BY attempt.key DESC
    LIMIT 1
  ) AS served_by,
  data -> '$.attempts' AS attempts
FROM events
WHERE type = 'head.ioTraced'
  AND type NOT IN ('path.ioSampled', 'head.ioSampled')
  AND (:head IS NULL OR stream = :head)
  AND position BETWEEN coalesce(:from_position, 1) AND coalesce(:to_position, 9007199254740991)
  AND data ->> '$.offset' < coalesce(:offset, 0) + coalesce(:length, 9007199254740991)
  AND data ->> '$.offset' + data ->> '$.length' > coalesce(:offset, 0)
ORDER BY position
LIMIT coalesce(:limit, -1)
