-- How available was each path and each head: time up and down, failures, mean time between failures and to repair?
--
-- :stream  one stream, 'path/<wwid>/<H:C:I:L>' or 'head/<wwid>'; NULL for all
-- :end_us  wall clock up to which it counts, microseconds; NULL for the last event of the ledger
--
-- A path is up while its health is online or marginal and down while it is failed or probing; what an operator or the target
-- says of it does not count against it. A head is up while it is serving or degraded and down while it is queueing or failing.
-- Time of which lines did not tell how it was is unknown_us, and counts for neither.
-- Time in which it was not there (not added, not live, removed) counts for neither.
--
-- failures is how often it went from up to down. mtbf_us is the time up by failures, mttr_us the time down by failures, both
-- rounded down, NULL without a failure; a failure that still goes on counts with the time that it has lasted.
-- availability_ppm is the time up in a million of the time there.
--
-- A span is measured by the monotonic clock of its two events; where the machine was booted between them, by the wall clock,
-- and 0 where that stepped back.
WITH
last_event AS (
  SELECT position, recorded_at_us, mono_us, boot_id
  FROM events
  WHERE :end_us IS NULL OR recorded_at_us <= :end_us
  ORDER BY position DESC
  LIMIT 1
),
ending AS (
  SELECT
    position,
    max(recorded_at_us, CAST(coalesce(:end_us, recorded_at_us) AS INTEGER)) AS wall_us,
    mono_us + max(0, CAST(coalesce(:end_us, recorded_at_us) AS INTEGER) - recorded_at_us) AS mono_us,
    boot_id
  FROM last_event
),
moment AS (
  SELECT
    event.stream,
    event.version,
    event.recorded_at_us AS wall_us,
    event.mono_us,
    event.boot_id,
    lead(event.recorded_at_us, 1, ending.wall_us) OVER life AS next_wall_us,
    lead(event.mono_us, 1, ending.mono_us) OVER life AS next_mono_us,
    lead(event.boot_id, 1, ending.boot_id) OVER life AS next_boot_id,
    -- 1 up, 0 down, NULL not there.
    CASE
      WHEN event.stream LIKE 'path/%' AND event.decision ->> '$.state.device' NOT IN ('created', 'createdBlocked', 'deleted')
        THEN CASE WHEN event.decision ->> '$.state.health' <> 'unknown' THEN event.decision ->> '$.state.health' IN ('online', 'marginal') END
      WHEN event.stream LIKE 'head/%' AND event.decision ->> '$.state.life' IN ('live', 'removalPending')
        THEN CASE WHEN event.decision ->> '$.state.service' <> 'unknown' THEN event.decision ->> '$.state.service' IN ('serving', 'degraded') END
    END AS up,
    CASE
      WHEN event.stream LIKE 'path/%' THEN event.decision ->> '$.state.health'
      ELSE event.decision ->> '$.state.service'
    END = 'unknown'
    AND event.decision ->> '$.state.device' IS NOT 'deleted'
    AND event.decision ->> '$.state.life' IS NOT 'removed' AS unknown
  -- The index of types leaves samples out: they change no state, and most events are samples.
  FROM events AS event INDEXED BY events_by_type, ending
  WHERE (
      event.stream >= coalesce(:stream, 'path/') AND event.stream <= coalesce(:stream, 'path0')
      OR event.stream >= coalesce(:stream, 'head/') AND event.stream <= coalesce(:stream, 'head0')
    )
    AND event.type NOT IN ('path.ioSampled', 'head.ioSampled')
    AND event.type NOT IN ('head.ioTraced', 'head.ioParked')
    AND event.position <= ending.position
  WINDOW life AS (PARTITION BY event.stream ORDER BY event.version)
),
span AS (
  SELECT
    stream,
    up,
    unknown,
    lag(up) OVER (PARTITION BY stream ORDER BY version) AS up_before,
    CASE
      WHEN next_boot_id = boot_id THEN max(0, next_mono_us - mono_us)
      ELSE max(0, next_wall_us - wall_us)
    END AS us
  FROM moment
),
total AS (
  SELECT
    stream,
    sum(iif(up IS NULL, 0, us)) AS there_us,
    sum(iif(up, us, 0)) AS up_us,
    sum(iif(up = 0, us, 0)) AS down_us,
    sum(iif(unknown, us, 0)) AS unknown_us,
    sum(up_before IS 1 AND up IS 0) AS failures
  FROM span
  WHERE up IS NOT NULL OR unknown
  GROUP BY stream
)
SELECT
  substr(stream, 1, 4) AS kind,
  stream,
  there_us,
  up_us,
  down_us,
  unknown_us,
  failures,
  up_us / nullif(failures, 0) AS mtbf_us,
  down_us / nullif(failures, 0) AS mttr_us,
  -- In two steps of a thousand: a million times the microseconds of 107 days is no integer any more.
  up_us * 1000 / nullif(there_us, 0) * 1000 + up_us * 1000 % nullif(there_us, 0) * 1000 / nullif(there_us, 0)
    AS availability_ppm
FROM total
ORDER BY stream
