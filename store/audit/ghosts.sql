-- Which attempts ended without proof that they were over, and how did each of them end?
--
-- :lun  the logical unit's stream, 'lun/<wwid>'; NULL for every one
--
-- One row per ghost. proof says what ended it, strongest first: completion, fence, laterIo, claim, time (which is no proof),
-- operator. All of the end is NULL while it may still land. took_us is by the monotonic clock, or by the wall clock where the
-- machine was booted in between.
WITH ended AS (
  SELECT event.*, ghost.value AS ghost
  FROM events AS event, json_each(event.data, '$.ids') AS ghost
  WHERE event.type = 'lun.ghostsEnded'
    AND event.type NOT IN ('path.ioSampled', 'head.ioSampled')
    AND event.decision ->> '$.refused' IS NULL
    AND (:lun IS NULL OR event.stream = :lun)
)
SELECT
  opened.position,
  opened.recorded_at_us,
  opened.stream AS lun,
  ghost.value ->> '$.id' AS ghost,
  opened.data ->> '$.path' AS hctl,
  opened.data ->> '$.incarnation' AS incarnation,
  opened.data ->> '$.reason' AS reason,
  ghost.value ->> '$.op' AS op,
  ghost.value ->> '$.offset' AS offset,
  ghost.value ->> '$.length' AS length,
  min(ended.position) AS ended_position,
  ended.recorded_at_us AS ended_at_us,
  ended.data ->> '$.proof' AS proof,
  ended.data ->> '$.detail' AS detail,
  ended.actor AS ended_by,
  CASE
    WHEN ended.boot_id = opened.boot_id THEN max(0, ended.mono_us - opened.mono_us)
    ELSE max(0, ended.recorded_at_us - opened.recorded_at_us)
  END AS took_us
FROM events AS opened
JOIN json_each(opened.data, '$.ghosts') AS ghost
LEFT JOIN ended
  ON ended.stream = opened.stream AND ended.ghost = ghost.value ->> '$.id' AND ended.position > opened.position
WHERE opened.type = 'lun.ghostsOpened'
  AND opened.type NOT IN ('path.ioSampled', 'head.ioSampled')
  AND opened.decision ->> '$.refused' IS NULL
  AND (:lun IS NULL OR opened.stream = :lun)
GROUP BY opened.position, ghost.key
ORDER BY opened.position, ghost.key
