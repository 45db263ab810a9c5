-- Which heads and paths were there at a position, in which state, and could I/O go down them?
--
-- :position  the position; for a time it is max(position) over recorded_at_us <= the time
--
-- One row per head and per path that had an event by then, removed ones included: present is 1 for those that were there.
-- position and recorded_at_us are those of its last event up to then. usable is the rule of isDisabled
-- (machines/predicates.ts) for a path, and 'serving or degraded' for a head. name is the last one that it was given.
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
halved (stream, low, high) AS (
  SELECT
    stream,
    0,
    (SELECT event.version FROM events AS event WHERE event.stream = known.stream ORDER BY event.version DESC LIMIT 1) + 1
  FROM known
  WHERE stream LIKE 'head/%' OR stream LIKE 'path/%'
  UNION ALL
  SELECT
    stream,
    CASE
      WHEN (
        SELECT event.position
        FROM events AS event
        WHERE event.stream = halved.stream AND event.version = (halved.low + halved.high) / 2
      ) <= :position
        THEN (low + high) / 2
      ELSE low
    END,
    CASE
      WHEN (
        SELECT event.position
        FROM events AS event
        WHERE event.stream = halved.stream AND event.version = (halved.low + halved.high) / 2
      ) <= :position
        THEN high
      ELSE (low + high) / 2
    END
  FROM halved
  WHERE high - low > 1
),
latest AS (
  SELECT stream, substr(stream, 1, 4) AS kind, low AS version
  FROM halved
  WHERE high - low <= 1 AND low > 0
)
SELECT
  latest.kind,
  latest.stream,
  named.data ->> '$.wwid' AS wwid,
  named.data ->> '$.hctl' AS hctl,
  named.data ->> '$.name' AS name,
  event.position,
  event.recorded_at_us,
  event.decision -> '$.state' AS state,
  CASE latest.kind
    WHEN 'head' THEN event.decision ->> '$.state.life' <> 'removed'
    ELSE event.decision ->> '$.state.device' NOT IN ('created', 'createdBlocked', 'deleted')
  END AS present,
  CASE latest.kind
    WHEN 'head'
      THEN event.decision ->> '$.state.life' IN ('live', 'removalPending')
        AND event.decision ->> '$.state.service' IN ('serving', 'degraded')
    ELSE event.decision ->> '$.state.device' = 'running'
      AND event.decision ->> '$.state.access' IN ('optimal', 'active')
      AND event.decision ->> '$.state.health' IN ('online', 'marginal')
      AND (
        event.decision ->> '$.state.admin' = 'enabled'
        -- Where an operator pulled it: was his word overridden, by the last decision that said so?
        OR (
          SELECT deciding.decision ->> '$.context.override'
          FROM events AS deciding
          WHERE deciding.stream = latest.stream
            AND deciding.version <= latest.version
            AND deciding.decision ->> '$.context.override' IS NOT NULL
          ORDER BY deciding.version DESC
          LIMIT 1
        ) IS 'on'
      )
  END AS usable
FROM latest
JOIN events AS event ON event.stream = latest.stream AND event.version = latest.version
LEFT JOIN events AS named
  ON named.stream = latest.stream
  AND named.version = (
    SELECT max(giving.version)
    FROM events AS giving
    -- By the index of types: there are few of these, and streams may be long. It leaves samples out, and so must this.
    WHERE +giving.stream = latest.stream
      AND giving.type IN ('head.created', 'path.added')
      AND giving.type NOT IN ('path.ioSampled', 'head.ioSampled')
      AND giving.position <= :position
  )
ORDER BY coalesce(wwid, latest.stream), latest.kind, latest.stream
