-- Which timers were armed, and did each fire, was it cancelled, or is it overdue?
--
-- :stream  one stream; NULL for all
--
-- Armed timers are part of a stream's context, each with the monotonic time it is due at: this reads the decisions that changed
-- them. outcome is one of
--   fired      its expiry came back as an event; late_us is by how much
--   cancelled  it was taken back
--   replaced   it was armed again before it fired
--   armed      it is still to come
--   overdue    it should have fired before the last event of the ledger, by the same boot's clock
-- All of the end is NULL for the last two.
WITH
ending AS (
  SELECT mono_us, boot_id FROM events ORDER BY position DESC LIMIT 1
),
change AS (
  SELECT
    position,
    stream,
    version,
    type,
    recorded_at_us,
    mono_us,
    boot_id,
    CASE WHEN type LIKE '%.timerFired' THEN data ->> '$.timer' END AS fired,
    decision -> '$.context.timers' AS timers
  -- The index of types leaves samples out: they arm no timer, and most events are samples.
  FROM events INDEXED BY events_by_type
  WHERE decision -> '$.context.timers' IS NOT NULL
    AND type NOT IN ('path.ioSampled', 'head.ioSampled')
    AND (:stream IS NULL OR stream = :stream)
),
step AS (
  SELECT *, lag(timers, 1, '{}') OVER (PARTITION BY stream ORDER BY version) AS before
  FROM change
),
-- A timer that is due at another time than before was armed; one that is not there any more ended.
edge AS (
  SELECT step.*, timer.key AS timer, timer.atom AS due_us
  FROM step, json_each(step.timers) AS timer
  WHERE timer.atom IS NOT (step.before ->> timer.key)
  UNION ALL
  SELECT step.*, timer.key AS timer, NULL AS due_us
  FROM step, json_each(step.before) AS timer
  WHERE step.timers ->> timer.key IS NULL
),
life AS (
  SELECT
    *,
    lead(position) OVER later AS ended_position,
    lead(recorded_at_us) OVER later AS ended_at_us,
    lead(mono_us) OVER later AS ended_mono_us,
    lead(fired) OVER later AS ended_fired,
    lead(due_us) OVER later AS next_due_us
  FROM edge
  WINDOW later AS (PARTITION BY stream, timer ORDER BY version)
)
SELECT
  life.position,
  life.recorded_at_us,
  life.stream,
  life.timer,
  life.due_us,
  life.due_us - life.mono_us AS after_us,
  CASE
    WHEN life.ended_position IS NULL
      THEN iif(life.boot_id = ending.boot_id AND life.due_us < ending.mono_us, 'overdue', 'armed')
    WHEN life.ended_fired = life.timer THEN 'fired'
    WHEN life.next_due_us IS NOT NULL THEN 'replaced'
    ELSE 'cancelled'
  END AS outcome,
  life.ended_position,
  life.ended_at_us,
  CASE WHEN life.ended_fired = life.timer THEN life.ended_mono_us - life.due_us END AS late_us
FROM life, ending
WHERE life.due_us IS NOT NULL
ORDER BY life.position, life.timer
