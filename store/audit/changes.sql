-- Who changed what, when and why?
--
-- :stream         one stream; NULL for all
-- :from_position  first position to look at; the next page begins behind the last row of this one
-- :to_position    last position to look at
-- :limit          at most so many rows
--
-- Every event whose actor is neither the engine nor its checker: an operator, a program on his behalf, an import. before and
-- after are the state of its stream around it; what is the payload. refused is 1 where the machine did not take it.
SELECT
  event.position,
  event.recorded_at_us,
  event.stream,
  event.type,
  event.actor,
  event.reason,
  event.data AS what,
  (
    SELECT earlier.decision -> '$.state'
    FROM events AS earlier
    WHERE earlier.stream = event.stream AND earlier.version = event.version - 1
  ) AS before,
  event.decision -> '$.state' AS after,
  coalesce(event.decision ->> '$.refused', 0) AS refused
FROM events AS event
WHERE event.actor NOT IN ('engine', 'checker')
  -- What lines said of a host is no change by somebody, but where they say that an operator asked.
  AND (event.actor NOT LIKE 'observed:%' OR event.actor LIKE 'observed:operator:%')
  AND (:stream IS NULL OR event.stream = :stream)
  AND event.position BETWEEN coalesce(:from_position, 1) AND coalesce(:to_position, 9007199254740991)
ORDER BY event.position
LIMIT coalesce(:limit, -1)
