// Timers from when they were armed to their end: what timers.sql computes, carried on from step to step. The rules are the
// same, and so is the answer: test/store/projections.test.ts.
import type Database from 'better-sqlite3'
import { IS_NO_SAMPLE } from '../rows/schema.ts'
import type { Projection } from './projection.ts'

export const TIMER_LIVES: Projection = {
  name: 'timer_lives',
  version: 1,
  tables: {
    timers_ended: `CREATE TABLE timers_ended (
  stream         TEXT NOT NULL,
  position       INTEGER NOT NULL,
  timer          TEXT NOT NULL,
  recorded_at_us INTEGER NOT NULL,
  due_us         ANY NOT NULL,
  after_us       ANY NOT NULL,
  outcome        TEXT NOT NULL,
  ended_position INTEGER NOT NULL,
  ended_at_us    INTEGER NOT NULL,
  late_us        ANY,
  PRIMARY KEY (stream, position, timer)
) STRICT, WITHOUT ROWID`,
    timers_open: `CREATE TABLE timers_open (
  stream         TEXT NOT NULL,
  timer          TEXT NOT NULL,
  position       INTEGER NOT NULL,
  recorded_at_us INTEGER NOT NULL,
  mono_us        INTEGER NOT NULL,
  boot_id        TEXT NOT NULL,
  due_us         ANY NOT NULL,
  PRIMARY KEY (stream, timer)
) STRICT, WITHOUT ROWID`,
  },
  advance(db: Database.Database, after: number, to: number): void {
    const lives = db.prepare<[{ after: number; to: number; stream: null }], Life>(
      `WITH ${LIVES} SELECT * FROM life WHERE due_us IS NOT NULL`,
    )
    const close =
      db.prepare(`INSERT INTO timers_ended VALUES (:stream, :position, :timer, :recorded_at_us, :due_us,
      :after_us, :outcome, :ended_position, :ended_at_us, :late_us)`)
    const forget = db.prepare('DELETE FROM timers_open WHERE stream = :stream AND timer = :timer')
    const open =
      db.prepare(`INSERT INTO timers_open VALUES (:stream, :timer, :position, :recorded_at_us, :mono_us,
      :boot_id, :due_us)`)
    const all = lives.all({ after, to, stream: null })
    for (const life of all) forget.run(life)
    for (const life of all) (life.ended_position === null ? open : close).run(life)
  },
}

interface Life {
  readonly ended_position: number | null
}

/** The timers that were open at `:after` and those that were armed behind it, with their ends up to `:to`. */
const LIVES = `change AS (
  SELECT
    position,
    stream,
    version,
    recorded_at_us,
    mono_us,
    boot_id,
    CASE WHEN type LIKE '%.timerFired' THEN data ->> '$.timer' END AS fired,
    decision -> '$.context.timers' AS timers
  FROM events NOT INDEXED
  WHERE position > :after AND position <= :to
    AND ${IS_NO_SAMPLE}
    AND (:stream IS NULL OR stream = :stream)
    AND decision -> '$.context.timers' IS NOT NULL
),
step AS (
  SELECT
    *,
    lag(timers) OVER (PARTITION BY stream ORDER BY version) AS changed_before
  FROM change
),
known AS (
  SELECT
    *,
    coalesce(
      changed_before,
      (SELECT json_group_object(timer, due_us) FROM timers_open WHERE timers_open.stream = step.stream)
    ) AS before
  FROM step
),
edge AS (
  SELECT position, stream, version, recorded_at_us, mono_us, boot_id, fired, timer.key AS timer, timer.atom AS due_us
  FROM known, json_each(known.timers) AS timer
  WHERE timer.atom IS NOT (known.before ->> timer.key)
  UNION ALL
  SELECT position, stream, version, recorded_at_us, mono_us, boot_id, fired, timer.key, NULL
  FROM known, json_each(known.before) AS timer
  WHERE known.timers ->> timer.key IS NULL
  UNION ALL
  SELECT position, stream, 0, recorded_at_us, mono_us, boot_id, NULL, timer, due_us
  FROM timers_open
  WHERE :stream IS NULL OR stream = :stream
),
later AS (
  SELECT
    *,
    lead(position) OVER later AS ended_position,
    lead(recorded_at_us) OVER later AS ended_at_us,
    lead(mono_us) OVER later AS ended_mono_us,
    lead(fired) OVER later AS ended_fired,
    lead(due_us) OVER later AS next_due_us
  FROM edge
  WINDOW later AS (PARTITION BY stream, timer ORDER BY version)
),
life AS (
  SELECT
    position, recorded_at_us, stream, timer, due_us, mono_us, boot_id,
    due_us - mono_us AS after_us,
    CASE
      WHEN ended_position IS NULL THEN 'open'
      WHEN ended_fired = timer THEN 'fired'
      WHEN next_due_us IS NOT NULL THEN 'replaced'
      ELSE 'cancelled'
    END AS outcome,
    ended_position,
    ended_at_us,
    CASE WHEN ended_fired = timer THEN ended_mono_us - due_us END AS late_us
  FROM later
)`

const OPEN_OR_OVERDUE = `iif(
  life.outcome <> 'open', life.outcome,
  iif(life.boot_id = ending.boot_id AND life.due_us < ending.mono_us, 'overdue', 'armed')
)`

const BEHIND = `WITH ending AS (SELECT mono_us, boot_id FROM events WHERE position = :to),
${LIVES},
behind AS (
  SELECT life.position, life.recorded_at_us, life.stream, life.timer, life.due_us, life.after_us,
    ${OPEN_OR_OVERDUE} AS outcome, life.ended_position, life.ended_at_us, life.late_us
  FROM life, ending
  WHERE life.due_us IS NOT NULL
)`

const COLUMNS = `position, recorded_at_us, stream, timer, due_us, after_us, outcome, ended_position, ended_at_us, late_us`

/** timers.sql, from the projection and what lies behind it: `:after` is how far the projection has come, `:to` the last event. */
export const TIMERS = `${BEHIND}
SELECT ${COLUMNS} FROM timers_ended WHERE :stream IS NULL OR stream = :stream
UNION ALL
SELECT ${COLUMNS} FROM behind
ORDER BY position, timer`

/** The same of one stream, by the table's key. */
export const TIMERS_OF_ONE = TIMERS.replace(
  'FROM timers_ended WHERE :stream IS NULL OR stream = :stream',
  'FROM timers_ended WHERE stream = :stream',
)

/** How many timers there were, how many are overdue, and the first that is. None that has ended is. */
export const TIMERS_OVERDUE = `${BEHIND}
SELECT
  (SELECT count(*) FROM timers_ended) + count(*) AS checked,
  coalesce(sum(outcome = 'overdue'), 0) AS violated,
  min(iif(outcome = 'overdue', position, NULL)) AS first_position
FROM behind`
