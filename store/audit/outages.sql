-- When had a head no usable path, for how long, what waited or failed meanwhile, and what ended it?
--
-- :head           the head's stream, 'head/<wwid>'; NULL for every head
-- :from_position  first position at which such a window may begin
-- :to_position    last position at which it may begin; how it went on is looked at wherever it is
--
-- A window begins with the event after which a live head is queueing or failing (or dark, where no line tells which), and ends with the event after which it is
-- not, or is no longer there. cause is the event that led to it: most often the failure of the last usable path. All of the
-- end is NULL while it goes on. worst is 'failing' where the head failed I/O for some of the time, else 'queueing';
-- 'dark' where only lines tell of it and none says what became of I/O. sure is 0 where a ledger of observations has no end of it,
-- or lines were lost or the host was started while it lasted: then it may have been shorter, or have ended and begun again.
--
-- requeued and failed_no_path are what the head's samples counted from the beginning up to the first sample behind the end:
-- at the borders that is exact to one sample. drained is how many I/Os the operator ended.
WITH
moment AS MATERIALIZED (
  SELECT
    position,
    stream,
    version,
    type,
    cause,
    recorded_at_us,
    mono_us,
    boot_id,
    decision ->> '$.state.service' AS service,
    decision ->> '$.state.life' IN ('live', 'removalPending')
      AND decision ->> '$.state.service' IN ('queueing', 'failing', 'dark') AS dark,
    schema >= 100 AS observed
  -- The index of types leaves samples out: they change no state, and most events are samples.
  FROM events INDEXED BY events_by_type
  WHERE type >= 'head.'
    AND type < 'head/'
    AND type NOT IN ('path.ioSampled', 'head.ioSampled')
    AND type NOT IN ('head.ioTraced', 'head.ioParked')
    AND stream >= coalesce(:head, 'head/')
    AND stream <= coalesce(:head, 'head0')
),
edge AS (
  SELECT *, lag(dark, 1, 0) OVER (PARTITION BY stream ORDER BY version) AS dark_before
  FROM moment
),
border AS (
  SELECT
    *,
    lead(position) OVER life AS ended_position,
    lead(version) OVER life AS ended_version,
    lead(type) OVER life AS ended_type,
    lead(recorded_at_us) OVER life AS ended_at_us,
    lead(mono_us) OVER life AS ended_mono_us,
    lead(boot_id) OVER life AS ended_boot_id
  FROM edge
  WHERE dark <> dark_before
  WINDOW life AS (PARTITION BY stream ORDER BY version)
),
outage AS (
  SELECT
    border.*,
    -- Versions grow with positions, and an index leads to them.
    (
      SELECT sample.version
      FROM events AS sample
      WHERE sample.stream = border.stream
        AND sample.version > border.ended_version
        AND sample.type = 'head.ioSampled'
      ORDER BY sample.version
      LIMIT 1
    ) AS last_sample
  FROM border
  WHERE dark AND position BETWEEN coalesce(:from_position, 1) AND coalesce(:to_position, 9007199254740991)
)
SELECT
  outage.position,
  outage.recorded_at_us,
  outage.stream AS head,
  outage.cause,
  why.type AS cause_type,
  why.stream AS cause_stream,
  CASE
    WHEN EXISTS (
      SELECT 1
      FROM moment
      WHERE moment.stream = outage.stream
        AND moment.service = 'failing'
        AND moment.position >= outage.position
        AND (outage.ended_position IS NULL OR moment.position < outage.ended_position)
    ) THEN 'failing'
    WHEN EXISTS (
      SELECT 1
      FROM moment
      WHERE moment.stream = outage.stream
        AND moment.service = 'queueing'
        AND moment.position >= outage.position
        AND (outage.ended_position IS NULL OR moment.position < outage.ended_position)
    ) THEN 'queueing'
    ELSE 'dark'
  END AS worst,
  NOT outage.observed
  OR outage.ended_position IS NOT NULL
    AND NOT EXISTS (
      SELECT 1
      FROM events AS hole
      WHERE hole.type IN ('source.gap', 'host.booted')
        AND hole.type NOT IN ('path.ioSampled', 'head.ioSampled')
        AND hole.recorded_at_us BETWEEN outage.recorded_at_us AND outage.ended_at_us
    ) AS sure,
  outage.ended_position,
  outage.ended_at_us,
  outage.ended_type AS ended_by,
  CASE
    WHEN outage.ended_boot_id = outage.boot_id THEN max(0, outage.ended_mono_us - outage.mono_us)
    ELSE max(0, outage.ended_at_us - outage.recorded_at_us)
  END AS took_us,
  coalesce(sum(met.data ->> '$.requeued'), 0) AS requeued,
  coalesce(sum(met.data ->> '$.failedNoPath'), 0) AS failed_no_path,
  coalesce(sum(met.data ->> '$.bios'), 0) AS drained
FROM outage
LEFT JOIN events AS why ON why.position = outage.cause
LEFT JOIN events AS met
  ON met.stream = outage.stream
  AND met.version > outage.version
  AND met.version <= coalesce(outage.last_sample, 9223372036854775807)
  AND (
    met.type = 'head.ioSampled'
    OR met.type = 'head.drained' AND met.version < coalesce(outage.ended_version, met.version + 1)
  )
GROUP BY outage.position
ORDER BY outage.position
