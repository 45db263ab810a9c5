-- Did everything hold, over the whole history, that must always hold?
--
-- One row per invariant: how many facts it was asked about, how many broke it, and the first position that did.
--
--   causes-come-first       an event's cause is an event before it
--   suspicions-are-settled  no path is suspected again before the suspicion of it was cleared, or it failed, or it left
--   heads-count-their-paths what a head says of its usable paths is what the states of its paths come to there
--   no-io-to-disabled-paths no traced attempt was sent down a path that no I/O may be sent down (machines/predicates.ts)
--   requeues-end            each traced I/O that was parked ended, unless it waits still or the run ended first
--   ghosts-end-once         a ghost ends once, and after it was opened
--   episodes-only-grow      what an episode came to at its end is not less than what it was when the path failed
--   timers-close            each timer fired, was cancelled or replaced, or is not due yet (timers.sql tells of each)
WITH
cause AS (
  SELECT event.position, before.position IS NULL OR before.position >= event.position AS broken
  FROM events AS event
  LEFT JOIN events AS before ON before.position = event.cause
  WHERE event.cause IS NOT NULL
),
verdict AS (
  SELECT position, type, lag(type) OVER (PARTITION BY stream ORDER BY version) AS type_before
  FROM events
  WHERE type IN ('path.suspected', 'path.cleared', 'path.failed', 'path.removed')
    AND type NOT IN ('path.ioSampled', 'head.ioSampled')
    AND decision ->> '$.refused' IS NULL
),
suspicion AS (
  SELECT position, type_before IS 'path.suspected' AS broken FROM verdict WHERE type = 'path.suspected'
),
-- Paths, with what each event made of them. An override of the operator's word is part of the context, of which a decision
-- keeps what it changed: it holds until the next decision that changes it.
path_event AS (
  SELECT
    position,
    stream,
    version,
    mono_us,
    boot_id,
    decision,
    decision ->> '$.context.override' AS override,
    count(decision ->> '$.context.override') OVER (PARTITION BY stream ORDER BY version) AS overrides
  -- The index of types leaves samples out: they change no state, and most events are samples.
  FROM events INDEXED BY events_by_type
  WHERE stream >= 'path/' AND stream < 'path0' AND type NOT IN ('path.ioSampled', 'head.ioSampled')
),
path_state AS (
  SELECT
    position,
    stream,
    version,
    mono_us,
    boot_id,
    -- 'path/<wwid>/<H:C:I:L>' without its ends.
    substr(rtrim(stream, replace(stream, '/', '')), 6, length(rtrim(stream, replace(stream, '/', ''))) - 6) AS wwid,
    decision ->> '$.state.device' = 'running'
      AND decision ->> '$.state.access' IN ('optimal', 'active')
      AND decision ->> '$.state.health' IN ('online', 'marginal') AS well,
    decision ->> '$.state.admin' = 'enabled'
      OR max(override) OVER (PARTITION BY stream, overrides) IS 'on' AS wanted
  FROM path_event
),
path_step AS (
  SELECT *, well AND wanted AS usable, lag(well AND wanted, 1, 0) OVER (PARTITION BY stream ORDER BY version) AS usable_before
  FROM path_state
),
tally AS (
  SELECT position, said, sum(delta) OVER (PARTITION BY wwid ORDER BY position) AS counted
  FROM (
    SELECT position, wwid, usable - usable_before AS delta, NULL AS said FROM path_step
    UNION ALL
    SELECT position, substr(stream, 6), 0, data ->> '$.usable' FROM events
    -- What a log counts is its own word, and its paths need not all be known.
    WHERE type = 'head.pathsChanged' AND schema < 100 AND type NOT IN ('path.ioSampled', 'head.ioSampled')
  )
),
head_count AS (
  SELECT position, said <> counted AS broken FROM tally WHERE said IS NOT NULL
),
-- A path was usable from one event to the next; with several in one microsecond any of them will do.
usable_span AS (
  SELECT
    stream,
    boot_id,
    mono_us AS from_us,
    lead(mono_us, 1, 9223372036854775807) OVER (PARTITION BY stream, boot_id ORDER BY version) AS to_us,
    well,
    wanted
  FROM path_state
),
attempt AS (
  SELECT
    event.position,
    NOT EXISTS (
      SELECT 1
      FROM usable_span
      -- A path that its operator pulled takes a flush, which brings home what was acknowledged there.
      WHERE usable_span.well
        AND (usable_span.wanted OR event.data ->> '$.op' = 'flush')
        AND usable_span.stream = 'path/' || substr(event.stream, 6) || '/' || (attempt.value ->> '$.path')
        AND usable_span.boot_id = event.boot_id
        AND attempt.value ->> '$.startedUs' BETWEEN usable_span.from_us AND usable_span.to_us
    ) AS broken
  FROM events AS event, json_each(event.data, '$.attempts') AS attempt
  WHERE event.type = 'head.ioTraced'
    AND event.type NOT IN ('path.ioSampled', 'head.ioSampled')
),
parked AS (
  SELECT
    parked.position,
    NOT EXISTS (
      SELECT 1
      FROM events AS ended
      WHERE ended.type = 'head.ioTraced'
        AND ended.type NOT IN ('path.ioSampled', 'head.ioSampled')
        AND ended.stream = parked.stream
        AND ended.position > parked.position
        AND ended.data ->> '$.bio' = parked.data ->> '$.bio'
    )
    -- It is to end before the head is gone, and the head before its engine is.
    AND EXISTS (
      SELECT 1
      FROM events AS over
      WHERE over.type = 'engine.stopped'
        AND over.type NOT IN ('path.ioSampled', 'head.ioSampled')
        AND over.position > parked.position
    ) AS broken
  FROM events AS parked
  WHERE parked.type = 'head.ioParked'
    AND parked.type NOT IN ('path.ioSampled', 'head.ioSampled')
),
ghost_opened AS (
  SELECT event.stream, event.position, ghost.value ->> '$.id' AS ghost
  FROM events AS event, json_each(event.data, '$.ghosts') AS ghost
  WHERE event.type = 'lun.ghostsOpened'
    AND event.type NOT IN ('path.ioSampled', 'head.ioSampled')
    AND event.decision ->> '$.refused' IS NULL
),
ghost_ended AS (
  SELECT
    event.stream,
    event.position,
    ghost.value AS ghost,
    row_number() OVER (PARTITION BY event.stream, ghost.value ORDER BY event.position) AS nth
  FROM events AS event, json_each(event.data, '$.ids') AS ghost
  WHERE event.type = 'lun.ghostsEnded'
    AND event.type NOT IN ('path.ioSampled', 'head.ioSampled')
    AND event.decision ->> '$.refused' IS NULL
),
ghost AS (
  SELECT ghost_ended.position, ghost_ended.nth > 1 OR ghost_opened.position > ghost_ended.position AS broken
  FROM ghost_ended
  LEFT JOIN ghost_opened USING (stream, ghost)
),
episode AS (
  SELECT
    position,
    type,
    data ->> '$.errors' AS errors,
    data ->> '$.bios' AS bios,
    lag(type) OVER life AS type_before,
    lag(data ->> '$.errors') OVER life AS errors_before,
    lag(data ->> '$.bios') OVER life AS bios_before
  FROM events
  WHERE type IN ('path.failed', 'path.episodeEnded')
    AND type NOT IN ('path.ioSampled', 'head.ioSampled')
    AND decision ->> '$.refused' IS NULL
  WINDOW life AS (PARTITION BY stream ORDER BY version)
),
growth AS (
  SELECT position, type_before IS NOT 'path.failed' OR errors < errors_before OR bios < bios_before AS broken
  FROM episode
  WHERE type = 'path.episodeEnded'
    AND type NOT IN ('path.ioSampled', 'head.ioSampled')
),
-- Those that can be told event by event.
told (nth, position, broken) AS (
  SELECT 1, position, broken FROM cause
  UNION ALL SELECT 2, position, broken FROM suspicion
  UNION ALL SELECT 3, position, broken FROM head_count
  UNION ALL SELECT 7, position, broken FROM growth
),
fact (nth, position, broken) AS (
  SELECT 4, position, broken FROM attempt
  UNION ALL SELECT 5, position, broken FROM parked
  UNION ALL SELECT 6, position, broken FROM ghost
  UNION ALL SELECT * FROM told
),
named (nth, invariant) AS (
  VALUES
    (1, 'causes-come-first'),
    (2, 'suspicions-are-settled'),
    (3, 'heads-count-their-paths'),
    (4, 'no-io-to-disabled-paths'),
    (5, 'requeues-end'),
    (6, 'ghosts-end-once'),
    (7, 'episodes-only-grow')
)
SELECT
  named.invariant,
  count(fact.position) AS checked,
  coalesce(sum(fact.broken IS 1), 0) AS violated,
  min(CASE WHEN fact.broken IS 1 THEN fact.position END) AS first_position
FROM named
LEFT JOIN fact ON fact.nth = named.nth
GROUP BY named.nth
ORDER BY named.nth
