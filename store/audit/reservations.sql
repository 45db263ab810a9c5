-- What happened to the persistent reservations of a logical unit, and in which state did each event leave them?
--
-- :stream         the reservation's stream, 'reservation/<wwid>'; NULL for every one
-- :from_position  first position to look at; the next page begins behind the last row of this one
-- :to_position    last position to look at
-- :limit          at most so many rows
--
-- A ledger without reservations has no such stream, and no rows. changed is what the event changed in the context: the
-- registrants, the holder, the type, the generation. refused is 1 where the machine did not take it.
SELECT
  position,
  recorded_at_us,
  stream,
  type,
  actor,
  reason,
  data AS what,
  decision -> '$.state' AS after,
  coalesce(decision -> '$.context', '{}') AS changed,
  coalesce(decision ->> '$.refused', 0) AS refused
FROM events
-- '0' follows '/' in ASCII: this is every stream that begins with 'reservation/'.
WHERE stream >= coalesce(:stream, 'reservation/')
  AND stream <= coalesce(:stream, 'reservation0')
  -- The plus keeps the index of streams in use.
  AND +position BETWEEN coalesce(:from_position, 1) AND coalesce(:to_position, 9007199254740991)
ORDER BY +position
LIMIT coalesce(:limit, -1)
