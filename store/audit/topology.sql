-- Which heads and paths were there at a position, in which state, and could I/O go down them?
--
-- :position  the position; NULL for the end; for a time it is max(position) over recorded_at_us <= the time
--
-- One row per head and per path that had an event by then, removed ones included: present is 1 for those that were there.
-- position and recorded_at_us are those of its last event up to then. usable is NULL where lines do not tell it; else it is the rule of isDisabled
-- (machines/predicates.ts) for a path, and 'serving or degraded' for a head. name is the one that it had been given by then.
-- In a later segment what the segment before it handed on (ledger.stateCarried) stands until an event of its own.
WITH RECURSIVE
-- Every stream from 'head/' to 'path/' by jumps through the index: no look at the events of each.
known (stream) AS (
  SELECT min(stream) FROM events WHERE stream >= 'head/' AND stream < 'path0'
  UNION ALL
  SELECT (SELECT min(stream) FROM events WHERE stream > known.stream AND stream < 'path0')
  FROM known
  WHERE known.stream IS NOT NULL
),
-- Versions grow with positions: the last one up to the position is found by halves, however long the stream is.
-- The versions of a later segment go on from those of the segment before it.
halved (stream, base, low, high) AS (
  SELECT
    stream,
    (SELECT event.version FROM events AS event WHERE event.stream = known.stream ORDER BY event.version LIMIT 1) - 1,
    (SELECT event.version FROM events AS event WHERE event.stream = known.stream ORDER BY event.version LIMIT 1) - 1,
    (SELECT event.version FROM events AS event WHERE event.stream = known.stream ORDER BY event.version DESC LIMIT 1) + 1
  FROM known
  WHERE stream LIKE 'head/%' OR stream LIKE 'path/%'
  UNION ALL
  SELECT
    stream,
    base,
    CASE
      WHEN (
        SELECT event.position
        FROM events AS event
        WHERE event.stream = halved.stream AND event.version = (halved.low + halved.high) / 2
      ) <= coalesce(:position, 9007199254740991)
        THEN (low + high) / 2
      ELSE low
    END,
    CASE
      WHEN (
        SELECT event.position
        FROM events AS event
        WHERE event.stream = halved.stream AND event.version = (halved.low + halved.high) / 2
      ) <= coalesce(:position, 9007199254740991)
        THEN high
      ELSE (low + high) / 2
    END
  FROM halved
  WHERE high - low > 1
),
latest AS (
  SELECT stream, low AS version
  FROM halved
  WHERE high - low <= 1 AND low > base
),
carried AS MATERIALIZED (
  SELECT handed.key AS stream, carrying.position, carrying.recorded_at_us, handed.value AS was
  FROM events AS carrying, json_each(carrying.data, '$.streams') AS handed
  WHERE carrying.type = 'ledger.stateCarried'
    AND carrying.type NOT IN ('path.ioSampled', 'head.ioSampled')
    AND carrying.position <= coalesce(:position, 9007199254740991)
    AND (handed.key LIKE 'head/%' OR handed.key LIKE 'path/%')
),
standing AS (
  SELECT
    latest.stream,
    latest.version,
    event.position,
    event.recorded_at_us,
    event.decision -> '$.state' AS state,
    event.schema >= 100 AS observed
  FROM latest
  JOIN events AS event ON event.stream = latest.stream AND event.version = latest.version
  UNION ALL
  SELECT stream, NULL, position, recorded_at_us, was -> '$.value', 0
  FROM carried
  WHERE stream NOT IN (SELECT stream FROM latest)
)
SELECT
  substr(standing.stream, 1, 4) AS kind,
  standing.stream,
  coalesce(named.data ->> '$.wwid', told.data ->> '$.wwid', carried.was ->> '$.context.wwid') AS wwid,
  coalesce(named.data ->> '$.hctl', told.data ->> '$.hctl', carried.was ->> '$.context.hctl') AS hctl,
  coalesce(
    named.data ->> '$.name',
    iif(standing.stream LIKE 'path/%', told.data ->> '$.dev', told.data ->> '$.map'),
    carried.was ->> '$.context.name'
  ) AS name,
  standing.position,
  standing.recorded_at_us,
  standing.state,
  CASE substr(standing.stream, 1, 4)
    WHEN 'head' THEN standing.state ->> '$.life' <> 'removed'
    ELSE standing.state ->> '$.device' NOT IN ('created', 'createdBlocked', 'deleted')
  END AS present,
  CASE
    -- What lines do not tell is NULL.
    WHEN standing.observed AND standing.stream LIKE 'head/%' AND standing.state ->> '$.service' = 'unknown' THEN NULL
    WHEN standing.observed AND standing.stream LIKE 'path/%'
      THEN CASE
        WHEN standing.state ->> '$.device' NOT IN ('running', 'unknown')
          OR standing.state ->> '$.access' NOT IN ('optimal', 'active', 'unknown')
          OR standing.state ->> '$.health' NOT IN ('online', 'marginal', 'unknown')
          OR standing.state ->> '$.admin' NOT IN ('enabled', 'unknown')
          THEN 0
        WHEN standing.state ->> '$.health' <> 'unknown' THEN 1
      END
    WHEN standing.stream LIKE 'head/%'
      THEN standing.state ->> '$.life' IN ('live', 'removalPending')
        AND standing.state ->> '$.service' IN ('serving', 'degraded')
    ELSE standing.state ->> '$.device' = 'running'
      AND standing.state ->> '$.access' IN ('optimal', 'active')
      AND standing.state ->> '$.health' IN ('online', 'marginal')
      AND (
        standing.state ->> '$.admin' = 'enabled'
        -- Where an operator pulled it: was their word overridden, by the last decision that said so?
        OR coalesce(
          (
            SELECT deciding.decision ->> '$.context.override'
            FROM events AS deciding
            WHERE deciding.stream = standing.stream
              AND deciding.version <= standing.version
              AND deciding.decision ->> '$.context.override' IS NOT NULL
            ORDER BY deciding.version DESC
            LIMIT 1
          ),
          carried.was ->> '$.context.override'
        ) IS 'on'
      )
  END AS usable
FROM standing
LEFT JOIN carried ON carried.stream = standing.stream
LEFT JOIN events AS told
  -- What lines call it, by the last that named it.
  ON standing.observed
  AND told.stream = standing.stream
  AND told.version = (
    SELECT max(said.version)
    FROM events AS said
    WHERE said.stream = standing.stream
      AND said.version <= standing.version
      AND coalesce(said.data ->> '$.dev', said.data ->> '$.map') IS NOT NULL
  )
LEFT JOIN events AS named
  ON named.stream = standing.stream
  AND named.version = (
    SELECT max(giving.version)
    FROM events AS giving
    -- By the index of types: there are few of these, and streams may be long. It leaves samples out, and so must this.
    WHERE +giving.stream = standing.stream
      AND giving.type IN ('head.created', 'path.added', 'path.returned')
      AND giving.type NOT IN ('path.ioSampled', 'head.ioSampled')
      AND giving.position <= coalesce(:position, 9007199254740991)
  )
ORDER BY coalesce(wwid, standing.stream), kind, standing.stream
