-- Which paths of one adapter went down together: "all paths of adapter 8 within 2 s"?
--
-- :window_us  how close together, microseconds; NULL for 2 seconds
--
-- An adapter is the H of H:C:I:L. Going down is path.failed, path.wentOffline and path.transportWentOffline. A burst begins with
-- one of them that another path of that adapter follows within the window, and takes in all within it; the next one begins behind
-- it. of is how many paths the adapter had when it began; paths = of says that it was all of them: look at the adapter, its cable
-- and its switch, before you look at any path.
-- How close together is told by the monotonic clock, and only within one boot: a wall clock may be set. from and to of the row are
-- the wall clock's, for people; took_us is the time between them by the monotonic clock.
WITH RECURSIVE
path_event AS (
  -- The H:C:I:L is what follows the last '/' of the stream.
  SELECT
    position,
    recorded_at_us,
    mono_us,
    boot_id,
    stream,
    type,
    replace(stream, rtrim(stream, replace(stream, '/', '')), '') AS hctl
  FROM events
  WHERE type IN (
      'path.failed', 'path.wentOffline', 'path.transportWentOffline',
      'path.added', 'path.returned', 'path.removed', 'path.lost', 'path.forgotten', 'path.known'
    )
    -- A log may tell of a device without its address: then nothing says which adapter it is of.
    AND stream GLOB '*/*:*:*:*'
    AND type NOT IN ('path.ioSampled', 'head.ioSampled')
    AND decision ->> '$.refused' IS NULL
),
failure AS MATERIALIZED (
  SELECT
    position,
    recorded_at_us,
    mono_us,
    boot_id,
    stream,
    substr(hctl, 1, instr(hctl, ':') - 1) AS adapter,
    row_number() OVER (
      PARTITION BY substr(hctl, 1, instr(hctl, ':') - 1), boot_id
      ORDER BY mono_us, position
    ) AS nth
  FROM path_event
  WHERE type IN ('path.failed', 'path.wentOffline', 'path.transportWentOffline')
),
-- Far fewer, and looked at for each burst.
coming AS MATERIALIZED (
  SELECT position, stream, type, hctl
  FROM path_event
  WHERE type IN ('path.added', 'path.returned', 'path.removed', 'path.lost', 'path.forgotten', 'path.known')
),
-- How far the window reaches that begins with this one, and whether another path is in it.
reach AS MATERIALIZED (
  SELECT
    *,
    max(nth) OVER ahead AS last,
    min(stream) OVER ahead <> max(stream) OVER ahead AS several
  FROM failure
  WINDOW ahead AS (
    PARTITION BY adapter, boot_id
    ORDER BY mono_us
    RANGE BETWEEN CURRENT ROW AND CASE WHEN :window_us IS NULL THEN 2000000 ELSE :window_us END FOLLOWING
  )
),
-- The first failure from each on that begins a burst.
opening AS MATERIALIZED (
  SELECT
    *,
    min(iif(several, nth, NULL)) OVER (
      PARTITION BY adapter, boot_id
      ORDER BY nth
      ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
    ) AS opens
  FROM reach
),
burst (adapter, boot_id, nth, last) AS (
  SELECT begins.adapter, begins.boot_id, begins.nth, begins.last
  FROM opening AS first
  JOIN opening AS begins
    ON begins.adapter = first.adapter AND begins.boot_id = first.boot_id AND begins.nth = first.opens
  WHERE first.nth = 1
  UNION ALL
  SELECT begins.adapter, begins.boot_id, begins.nth, begins.last
  FROM burst
  JOIN opening AS behind
    ON behind.adapter = burst.adapter AND behind.boot_id = burst.boot_id AND behind.nth = burst.last + 1
  JOIN opening AS begins
    ON begins.adapter = behind.adapter AND begins.boot_id = behind.boot_id AND begins.nth = behind.opens
),
met AS (
  SELECT
    burst.adapter,
    min(failure.position) AS position,
    max(failure.position) AS to_position,
    min(failure.recorded_at_us) AS recorded_at_us,
    max(failure.recorded_at_us) AS to_us,
    max(failure.mono_us) - min(failure.mono_us) AS took_us,
    count(DISTINCT failure.stream) AS paths,
    json_group_array(DISTINCT failure.stream) AS streams
  FROM burst
  JOIN failure
    ON failure.adapter = burst.adapter
    AND failure.boot_id = burst.boot_id
    AND failure.nth BETWEEN burst.nth AND burst.last
  GROUP BY burst.adapter, burst.boot_id, burst.nth
)
SELECT
  met.adapter,
  met.position,
  met.to_position,
  met.recorded_at_us,
  met.to_us,
  met.took_us,
  met.paths,
  (
    -- Of what came, what had not gone by then: paths that were there.
    SELECT count(*)
    FROM (
      SELECT came.stream, max(came.position) AS position
      FROM coming AS came
      WHERE came.type IN ('path.added', 'path.returned', 'path.known')
        AND came.hctl LIKE met.adapter || ':%'
        -- What lines first tell of in the burst itself had been there before.
        AND came.position <= iif(came.type = 'path.known', met.to_position, met.position)
      GROUP BY came.stream
    ) AS there
    WHERE NOT EXISTS (
      SELECT 1
      FROM coming AS gone
      WHERE gone.stream = there.stream
        AND gone.type IN ('path.removed', 'path.lost', 'path.forgotten')
        AND gone.position > there.position
        AND gone.position < met.position
    )
  ) AS of,
  met.streams
FROM met
ORDER BY met.position
