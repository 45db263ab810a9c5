-- What happened to a path, or to all of them: when, what, its state before and after, who did it, why, on what evidence?
--
-- :path           the path's stream, 'path/<wwid>/<H:C:I:L>'; NULL for every path
-- :from_position  first position to look at; the next page begins behind the last row of this one
-- :to_position    last position to look at
-- :limit          at most so many rows
--
-- before is NULL for the first event of a path. refused is 1 for an event that the machine did not take: it changed
-- nothing. evidence is the first evidence that the engine had: of the I/O that made it suspect the path, of the failure,
-- or of the probe.
SELECT
  event.position,
  event.recorded_at_us,
  event.stream AS path,
  event.type,
  (
    SELECT earlier.decision -> '$.state'
    FROM events AS earlier
    WHERE earlier.stream = event.stream AND earlier.version = event.version - 1
  ) AS before,
  event.decision -> '$.state' AS after,
  coalesce(event.decision ->> '$.refused', 0) AS refused,
  event.actor,
  event.reason,
  event.cause,
  event.data ->> '$.why' AS why,
  CASE event.type
    WHEN 'path.suspected' THEN event.data
    WHEN 'path.failed' THEN event.data -> '$.first'
    WHEN 'path.probeFailed' THEN event.data
  END AS evidence
FROM events AS event
-- '0' follows '/' in ASCII: this is every stream that begins with 'path/'.
WHERE event.stream >= coalesce(:path, 'path/')
  AND event.stream <= coalesce(:path, 'path0')
  AND event.position BETWEEN coalesce(:from_position, 1) AND coalesce(:to_position, 9007199254740991)
ORDER BY event.position
LIMIT coalesce(:limit, -1)
