-- How long was each path online, marginal, failed or probing, and how long was it usable?
--
-- :path    the path's stream, 'path/<wwid>/<H:C:I:L>'; NULL for every path
-- :end_us  wall clock up to which it counts, microseconds; NULL for the last event of the ledger
--
-- One row per path, region and state: region 'health' has the states of health, region 'usable' has 'usable' and
-- 'unusable' by the rule of isDisabled (machines/predicates.ts): device running, access optimal or active, health online
-- or marginal, admin enabled or overridden; of what lines told, 'unknown' where no line says whether the path failed. us is the time in the state, entered how often the path came into it. Time in which the path
-- was not there (before it was added, after it was removed) belongs to no state.
--
-- A span is measured by the monotonic clock of its two events. Where the machine was booted between them, that clock began
-- again: the difference of the wall clock stands in for it, and 0 where the wall clock stepped back. An engine that died
-- without a word is noticed by the next one only: until then its paths count as they stood.
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
path_event AS (
  SELECT
    event.*,
    event.decision ->> '$.context.override' AS override,
    -- It holds until the next decision that changes it.
    count(event.decision ->> '$.context.override') OVER (PARTITION BY event.stream ORDER BY event.version) AS overrides
  -- The index of types leaves samples out: they change no state, and most events are samples.
  FROM events AS event INDEXED BY events_by_type, ending
  -- '0' follows '/' in ASCII: this is every stream that begins with 'path/'.
  WHERE event.stream >= coalesce(:path, 'path/')
    AND event.stream <= coalesce(:path, 'path0')
    AND event.type NOT IN ('path.ioSampled', 'head.ioSampled')
    AND event.position <= ending.position
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
    event.decision ->> '$.state.device' NOT IN ('created', 'createdBlocked', 'deleted') AS present,
    event.decision ->> '$.state.health' AS health,
    CASE
      WHEN event.decision ->> '$.state.device' = 'running'
        AND event.decision ->> '$.state.access' IN ('optimal', 'active')
        AND event.decision ->> '$.state.health' IN ('online', 'marginal')
        AND (
          event.decision ->> '$.state.admin' = 'enabled'
          OR max(event.override) OVER (PARTITION BY event.stream, event.overrides) IS 'on'
        )
        THEN 'usable'
      -- What lines do not tell is unknown, and speaks against nothing.
      WHEN event.schema >= 100
        AND event.decision ->> '$.state.device' IN ('running', 'unknown')
        AND event.decision ->> '$.state.access' IN ('optimal', 'active', 'unknown')
        AND event.decision ->> '$.state.health' IN ('online', 'marginal', 'unknown')
        AND event.decision ->> '$.state.admin' IN ('enabled', 'unknown')
        THEN iif(event.decision ->> '$.state.health' = 'unknown', 'unknown', 'usable')
      ELSE 'unusable'
    END AS usable
  FROM path_event AS event, ending
  WINDOW life AS (PARTITION BY event.stream ORDER BY event.version)
),
span AS (
  SELECT
    stream,
    CASE
      WHEN next_boot_id = boot_id THEN max(0, next_mono_us - mono_us)
      ELSE max(0, next_wall_us - wall_us)
    END AS us,
    present,
    iif(present, health, NULL) AS health,
    iif(present, usable, NULL) AS usable,
    lag(iif(present, health, NULL)) OVER life AS health_before,
    lag(iif(present, usable, NULL)) OVER life AS usable_before
  FROM moment
  WINDOW life AS (PARTITION BY stream ORDER BY version)
)
SELECT stream AS path, 'health' AS region, health AS state, sum(us) AS us, sum(health_before IS NOT health) AS entered
FROM span
WHERE present
GROUP BY stream, health
UNION ALL
SELECT stream AS path, 'usable' AS region, usable AS state, sum(us) AS us, sum(usable_before IS NOT usable) AS entered
FROM span
WHERE present
GROUP BY stream, usable
ORDER BY path, region, state
