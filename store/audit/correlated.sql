-- Which paths of one adapter went down together: "all paths of adapter 8 within 2 s"?
--
-- :window_us  how close together, microseconds
--
-- An adapter is the H of H:C:I:L. Going down is path.failed, path.wentOffline and path.transportWentOffline. A burst begins with
-- one of them and takes in all that follow on that adapter within the window; the next one begins behind it. Only bursts of two
-- or more paths are told. of is how many paths the adapter had when it began; paths = of says that it was all of them: look at
-- the adapter, its cable and its switch, before you look at any path. Times are the wall clock's.
WITH RECURSIVE
path_event AS (
  -- The H:C:I:L is what follows the last '/' of the stream.
  SELECT
    position,
    recorded_at_us,
    stream,
    type,
    replace(stream, rtrim(stream, replace(stream, '/', '')), '') AS hctl
  FROM events
  WHERE type IN ('path.failed', 'path.wentOffline', 'path.transportWentOffline', 'path.added', 'path.removed')
    AND type NOT IN ('path.ioSampled', 'head.ioSampled')
    AND decision ->> '$.refused' IS NULL
),
failure AS MATERIALIZED (
  SELECT
    position,
    recorded_at_us,
    stream,
    substr(hctl, 1, instr(hctl, ':') - 1) AS adapter,
    row_number() OVER (
      PARTITION BY substr(hctl, 1, instr(hctl, ':') - 1)
      ORDER BY recorded_at_us, position
    ) AS nth
  FROM path_event
  WHERE type NOT IN ('path.added', 'path.removed')
),
-- Far fewer, and looked at for each burst.
coming AS MATERIALIZED (
  SELECT position, stream, type, hctl FROM path_event WHERE type IN ('path.added', 'path.removed')
),
-- How far the window reaches that begins with this one.
reach AS MATERIALIZED (
  SELECT
    *,
    max(nth) OVER (
      PARTITION BY adapter
      ORDER BY recorded_at_us
      RANGE BETWEEN CURRENT ROW AND :window_us FOLLOWING
    ) AS last
  FROM failure
),
burst (adapter, nth, last) AS (
  SELECT adapter, nth, last FROM reach WHERE nth = 1
  UNION ALL
  SELECT later.adapter, later.nth, later.last
  FROM burst
  JOIN reach AS later ON later.adapter = burst.adapter AND later.nth = burst.last + 1
),
-- Each failure belongs to the last burst that had begun by then.
member AS (
  SELECT failure.*, max(burst.nth) OVER (PARTITION BY failure.adapter ORDER BY failure.nth) AS burst
  FROM failure
  LEFT JOIN burst ON burst.adapter = failure.adapter AND burst.nth = failure.nth
),
met AS (
  SELECT
    adapter,
    min(position) AS position,
    max(position) AS to_position,
    min(recorded_at_us) AS recorded_at_us,
    max(recorded_at_us) AS to_us,
    count(DISTINCT stream) AS paths,
    json_group_array(DISTINCT stream) AS streams
  FROM member
  GROUP BY adapter, burst
  HAVING count(DISTINCT stream) >= 2
)
SELECT
  met.adapter,
  met.position,
  met.to_position,
  met.recorded_at_us,
  met.to_us,
  met.paths,
  (
    SELECT count(*)
    FROM coming AS added
    WHERE added.type = 'path.added'
      AND added.hctl LIKE met.adapter || ':%'
      AND added.position <= met.position
      AND NOT EXISTS (
        SELECT 1
        FROM coming AS removed
        WHERE removed.stream = added.stream
          AND removed.type = 'path.removed'
          AND removed.position > added.position
          AND removed.position <= met.position
      )
  ) AS of,
  met.streams
FROM met
ORDER BY met.position
