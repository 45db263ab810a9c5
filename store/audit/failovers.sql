-- Each failure of a path: when, which path, how it was decided, the first evidence, how much I/O it met and how much was
-- sent again, when the path came back and how long that took?
--
-- :path           the path's stream, 'path/<wwid>/<H:C:I:L>'; NULL for every path
-- :from_position  first position to look at; the next page begins behind the last row of this one
-- :to_position    last position of a failure; what followed it is looked at wherever it is
-- :limit          at most so many rows
--
-- errors, bios and resent are those of path.episodeEnded where there is one: they grew after the failure was recorded.
-- ended_by is the first event after which the path's health was neither failed nor probing: 'path.probeSucceeded' is a
-- reinstatement; with 'path.removed' it never came back in that life. All of it is NULL while the path is still failed.
--
-- What lines said of a host (verdict 'observed') has no first I/O and no counts: those are NULL, and path.reinstated is what
-- brought the path back.
--
-- took_us is by the monotonic clock; when the machine was booted in between, that clock began again, and the difference of
-- the wall clock stands in for it, 0 where the wall clock stepped back.
WITH failure AS (
  SELECT
    failed.*,
    (
      SELECT later.version
      FROM events AS later
      WHERE later.stream = failed.stream
        AND later.version > failed.version
        AND later.decision ->> '$.state.health' NOT IN ('failed', 'probing')
      ORDER BY later.version
      LIMIT 1
    ) AS ended_version,
    -- The figures of this episode, not those of the next one.
    (
      SELECT CASE later.type WHEN 'path.episodeEnded' THEN later.version END
      FROM events AS later
      WHERE later.stream = failed.stream
        AND later.version > failed.version
        AND later.type IN ('path.episodeEnded', 'path.failed')
        AND later.decision ->> '$.refused' IS NULL
      ORDER BY later.version
      LIMIT 1
    ) AS figures_version
  FROM events AS failed
  WHERE failed.type = 'path.failed'
    AND failed.type NOT IN ('path.ioSampled', 'head.ioSampled')
    AND failed.decision ->> '$.refused' IS NULL
    AND failed.stream >= coalesce(:path, 'path/')
    AND failed.stream <= coalesce(:path, 'path0')
    AND failed.position BETWEEN coalesce(:from_position, 1) AND coalesce(:to_position, 9007199254740991)
  ORDER BY failed.position
  LIMIT coalesce(:limit, -1)
)
SELECT
  failure.position,
  failure.recorded_at_us,
  failure.stream AS path,
  iif(failure.schema >= 100, 'observed', failure.data ->> '$.verdict') AS verdict,
  iif(failure.schema >= 100, failure.data ->> '$.by', failure.data ->> '$.detail') AS detail,
  failure.data ->> '$.first.errno' AS errno,
  failure.data ->> '$.first.status' AS status,
  failure.data ->> '$.first.op' AS op,
  failure.data ->> '$.first.offset' AS offset,
  failure.data ->> '$.first.length' AS length,
  coalesce(figures.data, failure.data) ->> '$.errors' AS errors,
  coalesce(figures.data, failure.data) ->> '$.bios' AS bios,
  coalesce(figures.data, failure.data) ->> '$.resent' AS resent,
  ended.type AS ended_by,
  ended.position AS ended_position,
  ended.recorded_at_us AS ended_at_us,
  CASE WHEN ended.type IN ('path.probeSucceeded', 'path.reinstated') THEN ended.recorded_at_us END AS reinstated_at_us,
  CASE
    WHEN ended.boot_id = failure.boot_id THEN max(0, ended.mono_us - failure.mono_us)
    ELSE max(0, ended.recorded_at_us - failure.recorded_at_us)
  END AS took_us
FROM failure
LEFT JOIN events AS ended
  ON ended.stream = failure.stream AND ended.version = failure.ended_version
LEFT JOIN events AS figures
  ON figures.stream = failure.stream AND figures.version = failure.figures_version
ORDER BY failure.position
