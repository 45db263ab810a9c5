-- Which paths fail again and again: how often at most within a while, and when was that?
--
-- :path       the path's stream, 'path/<wwid>/<H:C:I:L>'; NULL for every path
-- :window_us  the while, microseconds; NULL for 60 seconds
-- :failures   how many failures within it make a path one that flaps; NULL for 3
--
-- failures counts them all, worst those of the while with the most of them; from_position, from_us and to_us are the first and
-- the last failure of that while, the earliest where several have as many, by the wall clock, for people. The while itself is told
-- by the monotonic clock, and within one boot: a wall clock may be set. took_us is how long it was.
WITH
failure AS (
  SELECT stream, position, recorded_at_us, mono_us, boot_id
  FROM events
  WHERE type = 'path.failed'
    AND type NOT IN ('path.ioSampled', 'head.ioSampled')
    AND decision ->> '$.refused' IS NULL
    AND stream >= coalesce(:path, 'path/')
    AND stream <= coalesce(:path, 'path0')
),
counted AS (
  SELECT
    stream,
    position,
    recorded_at_us,
    count(*) OVER (PARTITION BY stream) AS failures,
    count(*) OVER ahead AS within,
    last_value(recorded_at_us) OVER ahead AS to_us,
    max(mono_us) OVER ahead - mono_us AS took_us
  FROM failure
  WINDOW ahead AS (
    PARTITION BY stream, boot_id
    ORDER BY mono_us
    RANGE BETWEEN CURRENT ROW AND CASE WHEN :window_us IS NULL THEN 60000000 ELSE :window_us END FOLLOWING
  )
),
ranked AS (
  SELECT *, row_number() OVER (PARTITION BY stream ORDER BY within DESC, position) AS place
  FROM counted
)
SELECT
  stream AS path,
  failures,
  within AS worst,
  position AS from_position,
  recorded_at_us AS from_us,
  to_us,
  took_us
FROM ranked
WHERE place = 1 AND within >= coalesce(:failures, 3)
ORDER BY worst DESC, stream
